import dataclasses

import pytest

from tests.tsunagu.capacity.samples import FIFO, LOAD, STANDARD
from tsunagu.capacity.answer import answer_for, chains
from tsunagu.capacity.changes import changes
from tsunagu.capacity.receiver import Load, Pollers, Receiver


def best(receiver: Receiver, load: Load) -> list[str]:
    return [change.what for change in changes(receiver, load)]


def test_what_throttles_is_what_helps() -> None:
    limited = dataclasses.replace(STANDARD, max_concurrency=5, timeout_seconds=1)

    assert best(limited, LOAD) == [
        "max_concurrency 5 → 10",
        "concurrency of the decorator 1 → 2",
        "a message in 49 ms",
    ]


def test_a_table_that_throttles_is_not_helped_by_more_invocations() -> None:
    many = dataclasses.replace(LOAD, messages=10_000_000)

    (change,) = changes(dataclasses.replace(STANDARD, writes=2.0, table_grows=False), many)

    assert change.what == "warm throughput of the table 4,000 → 8,000 write units"
    assert change.rate == 4_000


def test_few_groups_are_helped_by_more_groups_and_quicker_messages_alone() -> None:
    assert best(FIFO, dataclasses.replace(LOAD, groups=3)) == ["message groups 3 → 6", "a message in 49 ms"]


def test_calls_of_a_fifo_queue_are_helped_by_larger_batches_and_high_throughput() -> None:
    small = dataclasses.replace(FIFO, batch_size=5)
    quick = dataclasses.replace(LOAD, message_ms=1)

    assert best(small, quick) == ["high_throughput of the queue", "batch_size 5 → 10"]


def test_a_batch_that_would_not_fit_the_time_out_is_no_advice() -> None:
    slow = dataclasses.replace(STANDARD, max_concurrency=5, timeout_seconds=1)
    patient = dataclasses.replace(slow, timeout_seconds=10)
    load = dataclasses.replace(LOAD, batch_ms=500, message_ms=50)

    assert "batch_size 10 → 20 with a batching_window" not in best(slow, load)
    assert "batch_size 10 → 20 with a batching_window" in best(patient, load)


def test_what_does_not_help_is_left_out() -> None:
    assert changes(FIFO, dataclasses.replace(LOAD, messages=0)) == []


@pytest.mark.parametrize(
    ("receiver", "load", "warning"),
    [
        ({"timeout_seconds": 0.5}, {}, "a full batch takes longer than the time-out of 0 s"),
        ({}, {"message_bytes": 1_000_000}, "an invocation has room for 6 messages of this size, and not for 10"),
        ({"reserved_concurrency": 0}, {}, "reserved_concurrency of 0 stops the function"),
        ({"reserved_concurrency": 5}, {}, "the mapping may invoke more than reserved_concurrency of 5 allows"),
        ({"reserved_concurrency": 5, "max_concurrency": 9}, {}, "the mapping may invoke more"),
        ({"reserved_concurrency": 50, "pollers": Pollers(fewest=2, most=9)}, {}, "the mapping may invoke more"),
        ({"shares_table_with": ["Fifo"]}, {}, "its table has the writes of Fifo too, which are not counted"),
    ],
)
def test_what_to_mind_is_said(receiver: dict[str, object], load: dict[str, object], warning: str) -> None:
    answer = answer_for(dataclasses.replace(STANDARD, **receiver), dataclasses.replace(LOAD, **load))  # type: ignore[arg-type]

    assert [each[: len(warning)] for each in answer.warnings] == [warning]


def test_settings_that_fit_are_no_warning() -> None:
    fits = dataclasses.replace(STANDARD, reserved_concurrency=9, max_concurrency=9)

    assert answer_for(fits, LOAD).warnings == []


def test_a_pipeline_is_as_fast_as_its_slowest_service() -> None:
    ours = dataclasses.replace(STANDARD, pipeline="orders", max_concurrency=5)
    slow = dataclasses.replace(ours, name="Billing", max_concurrency=2)
    alone = dataclasses.replace(ours, pipeline="returns")

    (chain,) = chains([answer_for(each, LOAD) for each in (ours, slow, alone, STANDARD)])

    assert (chain.pipeline, chain.slowest.receiver.name, chain.slowest.rate) == ("orders", "Billing", 20)
    assert chain.seconds == pytest.approx(5_000)


def test_nothing_of_its_mapping_or_queue_makes_a_job_faster() -> None:
    job = dataclasses.replace(FIFO, batch_size=1, is_job=True)

    found = changes(job, dataclasses.replace(LOAD, messages=10))

    assert [each.what for each in found] == ["a message in 49 ms"]
