"""Reads from AWS as far as the caller may: what is not allowed is noted, and the rest is read all the same."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from botocore.exceptions import ClientError

from tsunagu.operations.aws import READERS, Aws
from tsunagu.operations.denials import Denial, denial_of, is_missing

Found = TypeVar("Found")
Given = TypeVar("Given")


@dataclass(slots=True)
class Reader:
    """Reads from AWS, and notes what it may not read.

    Attributes:
        aws: Clients.
        denied: What IAM refused, each action and resource once.
    """

    aws: Aws
    denied: set[Denial] = field(default_factory=set)

    def read(self, call: Callable[[], Found], default: Given) -> Found | Given:
        """Return what a call reads, or `default` where IAM refuses it, or its resource does not exist."""
        try:
            return call()
        except ClientError as error:
            denial = denial_of(error)
            if denial is not None:
                self.denied.add(denial)
            elif not is_missing(error):
                raise
            return default

    def map(self, call: Callable[[Given], Found], items: Iterable[Given]) -> list[Found]:
        """Return what `call` returns for each item, in their order. Several calls run at the same time."""
        with ThreadPoolExecutor(READERS) as readers:
            return [*readers.map(call, items)]

    def denials(self) -> Sequence[Denial]:
        """Return what was refused, sorted, one for each action."""
        first: dict[str, Denial] = {}
        for denial in sorted(self.denied):
            first.setdefault(denial.action, denial)
        return [*first.values()]
