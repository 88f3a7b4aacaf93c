"""Takes permissions and damages objects, in an order in which no fault waits for another."""

from dataclasses import dataclass

from tests.e2e.object_faults import ObjectFaults, see_object_faults
from tests.e2e.order_desk import OrderDesk
from tests.e2e.pipeline_permissions import (
    INVENTORY,
    Needs,
    ask_preprocessor_again,
    see_inventory_without,
    see_preprocessor,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineFaults:
    """Observations under faults. All messages are settled by now."""

    needs: Needs
    objects: ObjectFaults


def see_pipeline_faults(desk: OrderDesk) -> PipelineFaults:
    """Observe all faults. A start without outcome holds its key for 22 s, and a message of inventory hides for 30 s."""
    preprocessor = see_preprocessor(desk)
    inventory = {case: see_inventory_without(desk, case) for case in INVENTORY}
    objects = see_object_faults(desk)
    ask_preprocessor_again(desk)
    desk.drain()
    return PipelineFaults(needs=Needs(inventory=inventory, preprocessor=preprocessor), objects=objects)
