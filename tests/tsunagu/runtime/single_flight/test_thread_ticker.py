"""The thread of the heartbeats: it calls until it is stopped, and is noticed when it is frozen."""

import logging
import threading
from collections.abc import Iterator
from contextvars import ContextVar

import pytest

from tsunagu.runtime.single_flight import pulse
from tsunagu.runtime.single_flight.pulse import ThreadTicker

SOON_SECONDS = 0.001
PATIENCE_SECONDS = 10


@pytest.fixture
def tickers() -> Iterator[list[ThreadTicker]]:
    started: list[ThreadTicker] = []
    yield started
    for ticker in started:
        ticker.stop()


class LastTick:
    """Is called, and says that there is nothing more to do."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> bool:
        self.calls += 1
        return False


def heartbeat_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "heartbeats"]


def test_ticker_calls_again_and_again_until_it_is_stopped(tickers: list[ThreadTicker]) -> None:
    third = threading.Event()
    calls: list[int] = []

    def tick() -> bool:
        calls.append(1)
        if len(calls) == 3:
            third.set()
        return True

    tickers.append(ThreadTicker(tick, SOON_SECONDS))
    assert third.wait(PATIENCE_SECONDS)
    tickers[0].stop()

    assert heartbeat_threads() == []


def test_ticker_does_not_call_before_its_time() -> None:
    tick = LastTick()

    ThreadTicker(tick, PATIENCE_SECONDS).stop()

    assert (tick.calls, heartbeat_threads()) == (0, [])


def test_ticker_ends_by_itself_when_there_is_nothing_more_to_do() -> None:
    tick = LastTick()

    ThreadTicker(tick, SOON_SECONDS)._thread.join(PATIENCE_SECONDS)  # noqa: SLF001

    assert (tick.calls, heartbeat_threads()) == (1, [])


def test_lines_of_the_thread_have_the_log_fields_of_the_message() -> None:
    in_hand: ContextVar[str] = ContextVar("in_hand", default="nothing")
    in_hand.set("m-1")
    seen: list[str] = []

    def tick() -> bool:
        seen.append(in_hand.get())
        return False

    ThreadTicker(tick, SOON_SECONDS)._thread.join(PATIENCE_SECONDS)  # noqa: SLF001

    assert seen == ["m-1"]


def test_thread_that_hangs_in_a_call_is_noticed_and_does_not_hold_the_run(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(pulse, "JOIN_SECONDS", SOON_SECONDS)
    is_hanging, is_over = threading.Event(), threading.Event()

    def hang() -> bool:
        is_hanging.set()
        return is_over.wait(PATIENCE_SECONDS) and False

    ticker = ThreadTicker(hang, SOON_SECONDS)
    assert is_hanging.wait(PATIENCE_SECONDS)
    with caplog.at_level(logging.ERROR):
        ticker.stop()

    assert [each.message for each in caplog.records] == ["heartbeat thread frozen"]
    is_over.set()
    ticker._thread.join(PATIENCE_SECONDS)  # noqa: SLF001
