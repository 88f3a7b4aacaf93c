"""The committer: commits the writes and completions of several messages, as many as fit in one transaction.

* A transaction takes 100 writes of 4 MB together, and no item twice
  (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html).
* If it is refused, its reasons say which commits are at fault. The others go again, together.
* If it is refused without reasons, each commit goes alone, so that the faulty one harms no other.
* If there is no answer, it goes once more with the same token: DynamoDB does not apply it twice. If there is no answer
  then either, the items themselves know: the next write to them is refused if the commit was applied.
"""

import hashlib
import random
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from tsunagu.runtime.clock import Clock
from tsunagu.runtime.idempotency.store import BusinessWrite, Commit, ItemStore, Outcome, Verdict
from tsunagu.runtime.retry import conflict_pause_seconds

TRIES = 4  # another transaction on the same item takes milliseconds
WRITES_PER_TRANSACTION = 100
TRANSACTION_BYTES = 3_000_000  # of 4 MB, because the sizes are estimates
TOKEN_CHARACTERS = 36


class Committer:
    """Commits the writes and completions of messages.

    Args:
        store: Writes to DynamoDB. It never answers CANCELLED for a commit that goes alone.
        clock: Pauses between tries.
        rng: Where the jitter of the pauses comes from.
        owner: Token of the invocation; the tokens of its transactions are made from it.
    """

    def __init__(self, store: ItemStore, clock: Clock, rng: random.Random, owner: str) -> None:
        self._store = store
        self._clock = clock
        self._rng = rng
        self._owner = owner
        self._numbers = count()  # also for transactions of several threads: `next` gives no number twice

    def commit(self, commits: Sequence[Commit]) -> list[Verdict]:
        """Apply each of `commits` or nothing of it; return their verdicts, in order. None is CANCELLED.

        Args:
            commits: Each of another item of the idempotency table.
        """
        verdicts: dict[int, Verdict] = {}
        waiting = deque((group, 1) for group in together(commits))
        while waiting:
            group, attempt = waiting.popleft()
            if attempt > 1:
                self._clock.sleep(conflict_pause_seconds(attempt - 1, self._rng))
            answers = dict(zip(group, self._transact([commits[index] for index in group]), strict=True))
            again = _indexes(answers, Outcome.CANCELLED)
            conflicting = _indexes(answers, Outcome.CONFLICT) if attempt < TRIES else []
            verdicts |= answers  # those that go again get another one
            if again == group:  # no reason names a commit
                waiting.extend(([index], 1) for index in group)
            elif again:
                waiting.append((again, 1))
            if conflicting:
                waiting.append((conflicting, attempt + 1))
        return [verdicts[index] for index in range(len(commits))]

    def _transact(self, commits: Sequence[Commit]) -> list[Verdict]:
        token = hashlib.sha256(f"{self._owner}/{next(self._numbers)}".encode()).hexdigest()[:TOKEN_CHARACTERS]
        answers = self._store.transact(commits, token)
        if all(answer.outcome is Outcome.UNAVAILABLE and not _is_denied(answer) for answer in answers):
            answers = self._store.transact(commits, token)
        return answers


@dataclass(slots=True)
class _Group:
    """Commits of one transaction.

    Attributes:
        indexes: Which commits.
        touched: The items that the business functions write.
        write_count: Number of writes.
        size: Bytes.
    """

    indexes: list[int]
    touched: set[str]
    write_count: int
    size: int

    def takes(self, other: "_Group") -> bool:
        """Take in `other`, if it fits; return whether it did."""
        write_count, size = self.write_count + other.write_count, self.size + other.size
        if write_count > WRITES_PER_TRANSACTION or size > TRANSACTION_BYTES or self.touched & other.touched:
            return False
        self.indexes += other.indexes
        self.touched |= other.touched
        self.write_count, self.size = write_count, size
        return True


def together(commits: Sequence[Commit]) -> list[list[int]]:
    """Return which commits go into one transaction, by their indexes: as many as fit, and no item twice."""
    keys = _key_names(commits)
    groups: list[_Group] = []
    for index, commit in enumerate(commits):
        one = _group_of(index, commit, keys)
        for group in groups:
            if group.takes(one):
                break
        else:
            groups.append(one)
    return [group.indexes for group in groups]


def _group_of(index: int, commit: Commit, keys: Mapping[str, set[str]]) -> _Group:
    """Return the group of one commit. No other fits, if a value of it cannot be read: the store says what is wrong."""
    try:
        touched = {_item_name(write, keys) for write in commit.writes}
        return _Group([index], touched, 1 + len(commit.writes), _size(commit))
    except Exception:  # noqa: BLE001 - any object may be in a write; it must not harm the other messages
        return _Group([index], set(), WRITES_PER_TRANSACTION + 1, 0)


def _key_names(commits: Sequence[Commit]) -> dict[str, set[str]]:
    """Return the names of the key attributes of tables, as far as writes that name a key tell."""
    writes = [write for commit in commits for write in commit.writes]
    return {write.table_name: set(write.target) for write in writes if write.operation != "Put"}


def _item_name(write: BusinessWrite, keys: Mapping[str, set[str]]) -> str:
    """Return a text that is the same for two writes to the same item.

    A `Put` to a table whose key is not known is named by its whole item. If two of them have the same key, DynamoDB
    refuses the transaction, and each commit goes alone.
    """
    names = keys.get(write.table_name, write.target)
    key = sorted((name, repr(value)) for name, value in write.target.items() if name in names)
    return repr((write.table_name, key))


def _size(commit: Commit) -> int:
    return _bytes(commit.change.values) + sum(_bytes(write.target) + _bytes(write.values) for write in commit.writes)


def _bytes(value: object) -> int:
    """Return about the size of a value in DynamoDB, in bytes."""
    if isinstance(value, str):
        return len(value) if value.isascii() else len(value.encode(errors="replace"))
    if isinstance(value, bytes | bytearray):
        return len(value)
    if isinstance(value, Mapping):
        return sum(_bytes(name) + _bytes(each) for name, each in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return sum(map(_bytes, value))
    return 21  # the largest number


def _is_denied(answer: Verdict) -> bool:
    return answer.problem is not None and answer.problem.is_configuration_fault


def _indexes(answers: Mapping[int, Verdict], outcome: Outcome) -> list[int]:
    return [index for index, answer in answers.items() if answer.outcome is outcome]
