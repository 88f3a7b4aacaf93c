"""What the actors of a pipeline reach besides the table and the queues; each call is a point of the plant."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from tests.explorer.ports import last
from tsunagu.runtime.claim_check import KeptObject, OpenObject
from tsunagu.runtime.errors import UnavailableError

if TYPE_CHECKING:
    from tests.explorer.pipeline.actors import Caller, ServiceSandbox

ResultT = TypeVar("ResultT")


def unavailable() -> NoReturn:
    msg = "no answer"
    raise UnavailableError(msg)


@dataclass(slots=True)
class ObjectPort:
    """The object store; every write of a key is a version of its own."""

    actor: "Caller | ServiceSandbox"

    def put(self, key: str, body: bytes, sha256: str) -> str:
        def apply() -> str:
            return self.actor.plant.objects.put(key, body, sha256)

        failures: dict[str, Callable[[], str]] = {
            "unavailable": unavailable,
            "unanswered": lambda: last(apply(), unavailable()),
            "answer lost, tried again": lambda: last(apply(), self.put(key, body, sha256)),
        }
        return self.actor.plant.point(self.actor, f"puts {_ending(key)}", apply, failures=failures)

    def find(self, key: str) -> KeptObject:
        return self._read(f"finds {_ending(key)}", lambda: self.actor.plant.objects.find(key))

    def open(self, key: str, version_id: str) -> OpenObject:
        def cut_short() -> OpenObject:
            return OpenObject(self.actor.plant.objects.open(key, version_id).size_bytes, unavailable)

        call = f"opens {_ending(key)}"
        return self._read(call, lambda: self.actor.plant.objects.open(key, version_id), {"body cut short": cut_short})

    def _read(
        self, call: str, apply: Callable[[], ResultT], more: dict[str, Callable[[], ResultT]] | None = None
    ) -> ResultT:
        failures: dict[str, Callable[[], ResultT]] = {"unavailable": unavailable, **(more or {})}
        return self.actor.plant.point(self.actor, call, apply, failures=failures)


@dataclass(slots=True)
class IndexPort:
    """The index by request id, which is moments behind."""

    actor: "Caller"

    def item_ids(self, request_id: str) -> list[str]:
        plant = self.actor.plant

        def apply() -> list[str]:
            return [item.id for item in plant.store.items.values() if item.request_id == request_id]

        failures: dict[str, Callable[[], Any]] = {"unavailable": unavailable, "behind": list}
        return plant.point(self.actor, "looks up a request", apply, failures=failures)


def _ending(key: str) -> str:
    """Return what is left of a key without its request."""
    return key.split("/", 2)[2]
