"""Where something can be recorded in a stack: tables with their receivers, log groups, pipelines, state machines."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tsunagu.contracts.environment import ReceiverEnvironment
from tsunagu.contracts.flows import Kind
from tsunagu.contracts.requests import RequestEnvironment, request_space
from tsunagu.operations.deployed_functions import DeployedFunction
from tsunagu.operations.deployed_queues import DeployedQueue, StackQueues
from tsunagu.operations.inventory import StackInventory

STATE_MACHINE = "AWS::StepFunctions::StateMachine"
_TABLE = ReceiverEnvironment.variable_name("idempotency_table_name")
_QUEUE_ARN = ReceiverEnvironment.variable_name("queue_arn")
_SHARED_KEYS = ReceiverEnvironment.variable_name("shared_keys")
_SCOPE = RequestEnvironment.variable_name("request_scope")


@dataclass(frozen=True, slots=True, kw_only=True)
class StackPlaces:
    """A stack, its queues and its functions.

    Attributes:
        inventory: The stack.
        known: Its queues and functions.
    """

    inventory: StackInventory
    known: StackQueues

    @property
    def tables(self) -> list[str]:
        """Idempotency tables that its functions use, and those that it has."""
        used = [function.environment[_TABLE] for function in self.known.functions if _TABLE in function.environment]
        made = [each.physical_id for each in self.inventory.of_kind(Kind.IDEMPOTENCY_TABLE)]
        return [*dict.fromkeys(name for name in (*used, *made) if name)]

    @property
    def log_groups(self) -> list[str]:
        """Log groups of its functions."""
        return [*dict.fromkeys(function.log_group for function in self.known.functions if function.log_group)]

    @property
    def state_machines(self) -> list[str]:
        """ARNs of its state machines."""
        return [each.physical_id for each in self.inventory.of_type(STATE_MACHINE) if each.physical_id]

    @property
    def receivers(self) -> list[DeployedFunction]:
        """Functions that keep idempotency items."""
        return [function for function in self.known.functions if _TABLE in function.environment]

    @property
    def request_spaces(self) -> list[str]:
        """Key spaces of its request APIs."""
        scopes = (function.environment.get(_SCOPE, "") for function in self.known.functions)
        return [*dict.fromkeys(request_space(scope) for scope in scopes if scope)]

    def receiver_of(self, item_id: str) -> DeployedFunction | None:
        """Return the function whose item this is, by the key space of its id.

        None where it is not known, or where several share their keys: an item does not say which of them had it.
        """
        space = item_id.partition("#")[0]
        functions = self.known.functions
        found = [each for each in functions if space in {*spaces_of(each)} or _is_of_queue(each, space)]
        queues = {queue_name_of(each) for each in found} - {""}
        return found[0] if found and len(queues) <= 1 else None

    def queue_of(self, function: DeployedFunction) -> DeployedQueue | None:
        """Return the queue whose messages a function processes; None where it has none."""
        for queue in self.known.channels:
            if any(each.name == function.name for each in queue.receivers):
                return queue
        return None


def spaces_of(function: DeployedFunction) -> Iterator[str]:
    """Yield the key spaces of a function that its environment tells: of shared keys, requests, and pipelines.

    That of a receiver with keys of its own has a scope that only its code knows, and the name of its queue.
    """
    environment = function.environment
    if shared := environment.get(_SHARED_KEYS):
        yield shared
    if scope := environment.get(_SCOPE):
        yield request_space(scope)
    if pipeline := environment.get("PIPELINE"):
        service, step = environment.get("SERVICE"), environment.get("STEP")
        yield f"{pipeline}.{step}.{service}" if service and step else f"{pipeline}.start"


def queue_name_of(function: DeployedFunction) -> str:
    """Return the name of the queue that a receiver's own keys belong to; "" without one."""
    return function.environment.get(_QUEUE_ARN, "").rpartition(":")[2]


def _is_of_queue(function: DeployedFunction, space: str) -> bool:
    queue = queue_name_of(function)
    return bool(queue) and space.endswith(f"@{queue}")


def stacks_with(places: Sequence[StackPlaces], table: str) -> list[StackPlaces]:
    """Return the stacks that use a table."""
    return [each for each in places if table in each.tables]
