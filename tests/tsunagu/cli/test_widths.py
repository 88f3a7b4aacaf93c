"""What verbs print on terminals of 80 and 160 columns: rows fit, and what an operator copies is whole."""

import dataclasses
import io
import time
from collections.abc import Callable

import pytest
from rich.console import Console
from rich.screen import Screen
from rich.text import Text

from tests.tsunagu.cli.test_trace_report import FIRST, traced
from tests.tsunagu.operations.letters.samples import letter, ours, queue
from tsunagu.capacity.answer import answer_for
from tsunagu.capacity.reading import Intake
from tsunagu.capacity.receiver import Load, Receiver
from tsunagu.capacity.timing import Timing
from tsunagu.cli.capacity_question import Found
from tsunagu.cli.capacity_report import capacity_parts
from tsunagu.cli.letter_report import LetterView, print_letter, print_view
from tsunagu.cli.output import Cropped, Line, group_of, indented, print_parts
from tsunagu.cli.redrive_progress import LetterProgress
from tsunagu.cli.runs import print_runs
from tsunagu.cli.status_report import status_parts, watched_parts
from tsunagu.cli.trace_report import print_trace
from tsunagu.cli.why_report import item_parts, why_parts
from tsunagu.operations.denials import Denial
from tsunagu.operations.deployed_functions import Consumer
from tsunagu.operations.deployed_queues import Depth
from tsunagu.operations.evidence.model import Advice, Evidence, Finding, Moment
from tsunagu.operations.letters.origin import OpenedLetter
from tsunagu.operations.status.model import ConsumerStatus, Need, QueueStatus, ScheduleStatus, StackStatus
from tsunagu.operations.unfinished_runs import Cause, UnfinishedRun, Wait
from tsunagu.testing.fakes import START_MS

WIDTHS = (80, 160)
ID = "019a1b2c-3d4e-7f60-8a1b-2c3d4e5f6071"
STACK = "tsunagu-prod-a-stack-with-a-long-name"
QUEUE = "OrdersStepsReserveBillingChannelQueue4DEE07CE-3128D20807ACE"
ARN = f"arn:aws:states:eu-central-1:111122223333:execution:{STACK}-SupplierSyncMachine3933AB6A-6E96489DB48D0:{ID}"
TABLE = f"{STACK}-Table-EF213CC285A46"
REASON = f"DynamoDB must commit the transaction, got dynamodb:PutItem on {TABLE}: AccessDeniedException"
COMMAND = f"tsunagu dlq redrive Orders/Steps/Reserve/Billing --id {ID} --stack {STACK} --reason AccessDeniedException"
NEED = Need(what=f"the lease of supplier-sync is held by {ARN}, which has ended", command=COMMAND)
Print = Callable[[Console], None]


def terminal(width: int, height: int = 40) -> Console:
    return Console(
        file=io.StringIO(),
        width=width,
        height=height,
        force_terminal=True,
        color_system=None,
        highlight=False,
        markup=False,
        emoji=False,
    )


def rows(console: Console) -> list[str]:
    assert isinstance(console.file, io.StringIO)
    return [row.rstrip() for row in console.file.getvalue().splitlines()]


def finding() -> Finding:
    return Finding(
        what="message of Orders/Steps/Reserve/Billing",
        stack_name=STACK,
        now="dead-lettered, after 5 attempts that failed, the last of them with an error that no retry mends",
        reason=REASON,
        moments=[Moment(time_ms=START_MS, where="Orders/Billing", what=f"item dead-lettered: {REASON}, by {ARN}")],
        advice=[Advice(what="after the repair, send it back", command=COMMAND)],
    )


def print_why(console: Console) -> None:
    evidence = Evidence(
        id=ID, findings=[finding()], lines=[], error_line=None, around=[], denied=[], searched=[], since_ms=0
    )
    print_parts(console, why_parts(evidence))


def print_item(console: Console) -> None:
    print_parts(console, item_parts(finding(), f"payments@{STACK}-{QUEUE}#5f16a9b531139c48ca8872613046bc24b22cb478"))


def status(needs: tuple[Need, ...] = (NEED,)) -> StackStatus:
    names = ("Orders/Steps/Reserve/Billing", "Orders/Steps/Reserve/Inventory", "Fifo")
    consumers = [
        ConsumerStatus(function=name, mapping=Consumer(uuid="u", source_arn="", function_name="f", state="Enabled"))
        for name in names
    ]
    queues = [
        QueueStatus(
            name=name,
            url="",
            depth=Depth(123_456, 1_000, 0),
            oldest_seconds=100_000,
            dead_letters=12_345,
            has_dead_letter_queue=True,
            consumers=[consumer],
        )
        for name, consumer in zip(names, consumers, strict=True)
    ]
    schedules = [ScheduleStatus(name="Orders/RunSweeper/Schedule", state="ENABLED", expression="rate(5 minutes)")]
    return StackStatus(
        name=STACK,
        queues=queues,
        dead_letter_queues=[],
        schedules=schedules,
        jobs=[],
        pipelines=[],
        requests=[],
        alarms=[],
        alarm_count=9,
        denied=[],
        needs=needs,
    )


def view() -> LetterView:
    letters = [
        letter({"n": n}, f"{n:08x}-4d4e-4f10-8b6c-9e1a7d400000", attributes=ours(REASON), sent_ms=START_MS - n)
        for n in range(3)
    ]
    found = queue(stack_name=STACK)
    opened = [OpenedLetter(each, found) for each in letters]
    return LetterView(queue=found, letters=opened, waiting=3, in_flight=12, now_ms=START_MS + 100_000_000)


def print_unfinished(console: Console) -> None:
    now_ms = int(time.time() * 1_000)
    wait = Wait(step="reserve", service="billing", cause=Cause.RELEASED, since_ms=now_ms - 90_000_000, reason=REASON)
    run = UnfinishedRun(start_id="s", request_id=ID, run_id=ID, started_ms=now_ms - 93_600_000, waits=(wait,))
    print_runs(console, [run], older_than="1h", limit=10)


def print_capacity(console: Console) -> None:
    """Two services of a pipeline with the longest lines, one without times, and an API."""
    load = Load(message_ms=123.4, messages=123_456_789, own_writes=123.4, account_concurrency=123_456)
    timing = Timing(message_ms=123.4, batch_ms=20, invocations=1_234_567, mean_ms=1_234.5, mean_messages=9.9)
    receiver = Receiver(
        name="Orders/Steps/Reserve/Billing",
        pipeline="a-pipeline-with-a-long-name",
        batch_size=10,
        reserved_concurrency=900,
        writes=123.0,
        timeout_seconds=1,
    )
    fifo = dataclasses.replace(receiver, name=QUEUE, fifo=True)
    found = Found(
        answers=[answer_for(receiver, load, timing), answer_for(fifo, load)],
        unmeasured=[receiver],
        intakes=[Intake(name=QUEUE, rate=10_000, what="API Gateway's quota for all APIs of the account")],
        denied=[Denial(action="lambda:GetAccountSettings")],
    )
    print_parts(console, capacity_parts(found))


PRINTED: dict[str, tuple[Print, tuple[str, ...]]] = {
    "capacity": (print_capacity, (QUEUE, "Orders/Steps/Reserve/Billing", "a-pipeline-with-a-long-name")),
    "why": (print_why, (ARN, TABLE, COMMAND)),
    "find": (print_item, (f"payments@{STACK}-{QUEUE}#5f16a9b531139c48ca8872613046bc24b22cb478",)),
    "status": (lambda console: print_parts(console, status_parts([status()])), (ARN, COMMAND)),
    "trace": (lambda console: print_trace(console, traced(FIRST)), (str(FIRST.run_id), "billing", "2025-11-13")),
    "runs": (print_unfinished, (ID, "1 d 2 h")),
    "dlq list": (lambda console: print_view(console, view(), each_letter=False), ("00000002",)),
    "dlq list --letters": (lambda console: print_view(console, view(), each_letter=True), ("00000001",)),
    "dlq show": (lambda console: print_letter(console, view().letters[2], None, []), ("00000002-4d4e", TABLE)),
}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("verb", PRINTED)
def test_rows_fit_and_what_is_copied_is_whole(verb: str, width: int) -> None:
    show, copied = PRINTED[verb]
    console = terminal(width)

    show(console)

    shown = rows(console)
    # A row that is longer is one word, or a command. The terminal wraps it, and copies it as one.
    longer = [row.strip() for row in shown if len(row) > width]
    assert [row for row in longer if " " in row and row != COMMAND] == []
    for each in copied:
        assert any(each in row for row in shown), each
    assert not any("…" in row for row in shown)
    assert len(shown) < 40  # a column of a few characters would be a tower


@pytest.mark.parametrize("width", WIDTHS)
def test_progress_cuts_no_number(width: int) -> None:
    console = terminal(width)
    progress = LetterProgress(console, 123_456)

    progress.show("waits until they are processed", 123_456, "122,000 resolved, 1,234 died again")

    console.print(progress)
    shown = rows(console)
    assert all(len(row) <= width for row in shown)
    text = " ".join(" ".join(row.split("━")[-1].replace("0:00:00", "").split()) for row in shown).strip()
    assert text == "waits until they are processed: 123,456 of 123,456, 122,000 resolved, 1,234 died again"


@pytest.mark.parametrize("width", WIDTHS)
def test_watched_status_that_is_too_high_begins_with_what_needs_a_person(width: int) -> None:
    console = terminal(width, height=14)
    well = status(needs=())

    console.print(Screen(Cropped(group_of(watched_parts([well, status()], "2026-03-02T09:14:00Z")))))

    drawn = rows(console)
    assert (len(drawn), drawn[:2]) == (14, ["2026-03-02T09:14:00Z", f"{STACK}: needs a person"])
    assert any(row.strip().startswith("tsunagu dlq redrive") for row in drawn)
    assert drawn[-1].endswith("rows more: name one stack, or make the window higher")
    assert all(len(row) <= width for row in drawn)


def test_sentence_is_wrapped_between_words_with_its_indent() -> None:
    console = terminal(30)

    print_parts(console, [indented(Text(f"one two three four five six {ID} seven"), hanging=2)])

    assert rows(console) == ["  one two three four five", "    six", f"    {ID}", "    seven"]


def test_file_gets_one_row_for_a_sentence() -> None:
    console = Console(file=io.StringIO(), width=30)

    print_parts(console, [Line(Text("word " * 30), 2)])

    assert len(rows(console)) == 1


def test_payload_is_shown_as_it_is_and_cannot_order_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    poison = OpenedLetter(letter("\x1b[2J:key: of arn:aws:lambda:eu:1:function:bell:prod [red]"), queue())
    console = terminal(80)

    print_letter(console, poison, None, [])

    assert "\\x1b[2J:key: of arn:aws:lambda:eu:1:function:bell:prod [red]" in rows(console)
