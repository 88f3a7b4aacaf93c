"""The table of idempotency items and the tables of the handler, in memory."""

from collections.abc import Mapping, Sequence

from tsunagu.runtime.idempotency.store import BusinessWrite, Commit, Outcome, Verdict
from tsunagu.testing.fake_tables import FakeTable
from tsunagu.testing.handlers.places import IDEMPOTENCY_TABLE
from tsunagu.testing.requests import FakeRequestStore


class SetupError(SystemExit):
    """The test did not say what the world must know. The handler must not take it for an error of a message."""


class WorldStore(FakeRequestStore):
    """Keeps items, records of requests and the tables of the handler; a transaction writes to all of them.

    Args:
        tables: The tables of the handler, by name.

    Attributes:
        tables: The tables, by name.
        writes: The writes that were applied, in order.
    """

    def __init__(self, tables: Mapping[str, FakeTable]) -> None:
        super().__init__()
        self.tables = tables
        self.writes: list[BusinessWrite] = []

    def table(self, name: str) -> FakeTable:
        """Return a table.

        Raises:
            SetupError: The test did not name its keys.
        """
        if name not in self.tables:
            known = ", ".join(sorted(self.tables)) or "none"
            raise SetupError(
                f"tables must name the keys of each table that the handler uses, got {known}, and the handler uses "
                f"{name!r}: add tables={{{name!r}: 'name of its partition key'}}"
            )
        return self.tables[name]

    def _transact(self, commits: Sequence[Commit], token: str) -> list[Verdict]:
        verdicts = super()._transact(commits, token)
        if all(verdict.outcome is Outcome.APPLIED for verdict in verdicts):
            for write in (write for commit in commits for write in commit.writes):
                self._apply(write)
        return verdicts

    def _apply(self, write: BusinessWrite) -> None:
        if write.table_name == IDEMPOTENCY_TABLE:
            return
        self.table(write.table_name).apply(write)
        if write.operation != "ConditionCheck":
            self.writes.append(write)

    def _refuses(self, write: BusinessWrite) -> bool:
        if write.table_name == IDEMPOTENCY_TABLE:
            return super()._refuses(write)
        return self.table(write.table_name).refuses(write)
