"""What goes wrong in a world: kills, calls that fail, lost answers, and effects of the handler's own code."""

from typing import Any

from tsunagu.testing.handlers.faults import FaultKind
from tsunagu.testing.handlers.stage import Effect
from tsunagu.testing.handlers.world_view import WorldView


class WorldFaults(WorldView):
    """Plans what goes wrong, and notes effects that no fake of a world can see."""

    _watched: dict[str, list[Any]]

    def kill_before(self, call: str, number: int = 1) -> None:
        """Kill the worker before a call, as a time-out or too little memory does.

        Args:
            call: `claim`, `read`, `commit` (the writes with the completion), `record` (an outcome without writes),
                `send` (the outbox), `dead-letter`, `notify`, `hide`, `acknowledge`, or the name of an `effect`.
            number: Which of these calls from now on. Default: the next one.
        """
        self._plan(call, "die before", number)

    def kill_after(self, call: str, number: int = 1) -> None:
        """Kill the worker after a call was applied; as `kill_before`."""
        self._plan(call, "die after", number)

    def fail(self, call: str, number: int = 1) -> None:
        """Let a call fail: it is not applied, and the handler learns so; as `kill_before`."""
        self._plan(call, "unavailable", number)

    def lose_answer(self, call: str, number: int = 1) -> None:
        """Lose the answer to a call: it is applied, and the handler learns that it failed; as `kill_before`."""
        self._plan(call, "unanswered", number)

    def effect(
        self, name: str, subject: object = "", *, idempotency_key: str | None = None, error: Exception | None = None
    ) -> None:
        """Note an effect of the handler's own code: call it where the code calls another system.

        A worker can be killed before and after it, and the call can fail.

        Args:
            name: What is done, such as `charged`.
            subject: What it is done to, such as the id of an order.
            idempotency_key: Key that the other system is given: it does nothing for a key that it knows. Default: each
                call takes effect.
            error: What a call that fails raises. Default: a `ConnectionError`.
        """
        failed = ConnectionError(f"no answer from {name}") if error is None else error
        self._stage.effect(Effect(name, str(subject), idempotency_key), failed)

    def effects(self, name: str | None = None) -> list[str]:
        """Return what effects were done to, in order: those of a name, or all."""
        return [effect.id for effect in self._stage.effects if name in {None, effect.name}]

    def watch(self, name: str, effects: list[Any]) -> None:
        """Take a list of the test for effects: `assert_once` empties it before each schedule, and compares it after."""
        self._watched[name] = effects

    def _plan(self, call: str, kind: FaultKind, number: int) -> None:
        self._stage.plan.add(call, kind, number)
