"""Fakes of the ports of the runtime: a clock, a table, queues and topics in memory, with faults that a test plans."""

from tsunagu.testing.fakes.clock import START_MS, FakeClock, Killed
from tsunagu.testing.fakes.groups import FakeGroups
from tsunagu.testing.fakes.items import DENIED, FakeItemStore
from tsunagu.testing.fakes.jobs import FakeJobs, FakeTicker
from tsunagu.testing.fakes.objects import FakeObjectStore
from tsunagu.testing.fakes.sending import FakeOutboxSender, FakeQueue, FakeTasks, FakeTopic, FakeVisibility

__all__ = [
    "DENIED",
    "START_MS",
    "FakeClock",
    "FakeGroups",
    "FakeItemStore",
    "FakeJobs",
    "FakeObjectStore",
    "FakeOutboxSender",
    "FakeQueue",
    "FakeTasks",
    "FakeTicker",
    "FakeTopic",
    "FakeVisibility",
    "Killed",
]
