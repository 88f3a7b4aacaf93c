"""`tsunagu runs`: where each unfinished run waits, since when, and why."""

import io
import time

import pytest

from tests.tsunagu.account import Account
from tests.tsunagu.cli.conftest import Tsunagu
from tsunagu.cli.output import output_console
from tsunagu.cli.runs import CAUSES, print_runs, run_as_json
from tsunagu.operations.unfinished_runs import Cause, UnfinishedRun, Wait

REQUEST_ID = "019a1b2c-3d4e-7f60-8a1b-2c3d4e5f6071"
RUN_ID = "019a1b2c-3d4e-7f60-8a1b-2c3d4e5f6072"


def unfinished(*waits: Wait, started_ms: int = 1_763_000_000_123) -> UnfinishedRun:
    return UnfinishedRun(
        start_id="orders.start#1", request_id=REQUEST_ID, run_id=RUN_ID, started_ms=started_ms, waits=waits
    )


def test_each_wait_has_a_line_with_place_age_and_cause(capsys: pytest.CaptureFixture[str]) -> None:
    now_ms = int(time.time() * 1_000)
    waits = [
        Wait(step="ship", service="shipping", cause=Cause.NOT_RECEIVED, since_ms=now_ms - 90_000_000),
        Wait(step="reserve", service="billing", cause=Cause.SERVICE_GONE, since_ms=now_ms - 61_000, reason="[closed]"),
    ]

    print_runs(output_console(), [unfinished(*waits, started_ms=now_ms - 93_600_000)], older_than="1d", limit=10)

    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert lines[2:] == [
        f"{REQUEST_ID} 1 d 2 h at ship.shipping for 1 d 1 h: {CAUSES[Cause.NOT_RECEIVED]}",
        "at reserve.billing for 1 min 1 s: the pipeline has no such service any more: [closed]",
        "1 unfinished run older than 1d",
    ]


def test_list_that_is_full_says_that_there_may_be_more(capsys: pytest.CaptureFixture[str]) -> None:
    wait = Wait(step="", service="", cause=Cause.UNREADABLE, since_ms=0)

    print_runs(output_console(), [unfinished(wait)], older_than="1h", limit=1)

    assert capsys.readouterr().out.endswith("1 unfinished run older than 1h, and perhaps more\n")


def test_no_unfinished_run_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_runs(output_console(), [], older_than="1h", limit=1)

    assert capsys.readouterr().out == "0 unfinished runs older than 1h\n"


def test_json_has_times_in_utc() -> None:
    wait = Wait(step="ship", service="shipping", cause=Cause.DEAD, since_ms=1_763_000_001_000, reason="declined")

    assert run_as_json(unfinished(wait)) == {
        "request_id": REQUEST_ID,
        "run_id": RUN_ID,
        "started": "2025-11-13T02:13:20Z",
        "waits": [
            {
                "step": "ship",
                "service": "shipping",
                "cause": "DEAD",
                "since": "2025-11-13T02:13:21Z",
                "reason": "declined",
            }
        ],
    }


def test_every_cause_has_a_sentence() -> None:
    assert set(CAUSES) == set(Cause)


@pytest.mark.parametrize("text", ["", "1", "h", "-1h", "1.5h", "1w", "1 h", "\uff11h"])
def test_age_of_another_form_is_refused(account: Account, tsunagu: Tsunagu, text: str) -> None:
    assert "--older-than must be a whole number and one of s, m, h and d" in tsunagu("runs", "--older-than", text).err
    assert account.asked == []


def test_wrong_age_and_wrong_request_are_refused_before_anything_is_called(account: Account, tsunagu: Tsunagu) -> None:
    wrong_age = tsunagu("runs", "--older-than", "soon")
    wrong_request = tsunagu("runs", "--dismiss", "x")

    assert (wrong_age.code, wrong_request.code) == (1, 1)
    assert "--older-than must be" in wrong_age.err
    assert "the request id must be a UUID of version 7" in wrong_request.err
    assert account.asked == []


@pytest.fixture
def dismissed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Requests whose runs were dismissed: of two unfinished runs, one is of `REQUEST_ID`."""
    asked: list[str] = []
    wait = Wait(step="ship", service="shipping", cause=Cause.SERVICE_GONE, since_ms=1_763_000_001_000)
    other = UnfinishedRun(start_id="x", request_id="another", run_id="y", started_ms=1, waits=(wait,))

    def dismiss(_functions: object, _tables: object, function_name: str, request_id: str) -> int:
        assert function_name == "preprocessor"
        asked.append(request_id)
        return 1

    monkeypatch.setattr("tsunagu.cli.runs.unfinished_runs", lambda *_: [unfinished(wait), other])
    monkeypatch.setattr("tsunagu.cli.runs.dismiss_runs", dismiss)
    return asked


def test_runs_are_dismissed_after_they_were_shown_and_that_is_recorded(
    account: Account, tsunagu: Tsunagu, dismissed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    what = f"dismiss 1 unfinished run of the request {REQUEST_ID} of the pipeline orders"

    refused = tsunagu("runs", "--dismiss", REQUEST_ID)
    assert refused.err.splitlines() == [
        f"run {RUN_ID}, started 2025-11-13T02:13:20Z: ship.shipping: the pipeline has no such service any more",
        "items and messages stay as they are: a run that goes on is not stopped",
        f"error: runs --dismiss must be confirmed, and there is no terminal to ask on: add --yes to {what}",
    ]
    assert (dismissed, account.lines) == ([], [])

    done = tsunagu("runs", "--dismiss", REQUEST_ID, "--yes")
    assert (dismissed, done.out) == ([REQUEST_ID], f"dismissed 1 unfinished run of {REQUEST_ID}\n")
    assert (account.lines[-1]["what"], account.lines[-1]["dismissed"]) == (what, 1)


def test_request_without_an_unfinished_run_needs_no_consent(
    account: Account, tsunagu: Tsunagu, dismissed: list[str]
) -> None:
    result = tsunagu("runs", "--dismiss", RUN_ID)

    assert (result.code, result.err) == (0, f"orders has no unfinished run of {RUN_ID}\n")
    assert (dismissed, account.lines) == ([], [])


def test_pipeline_that_is_not_deployed_is_named(account: Account, tsunagu: Tsunagu) -> None:
    assert tsunagu("runs", "invoices").err == (
        "error: the stacks of the region eu-central-1 must have the pipeline invoices, got orders\n"
    )
    assert account.commands == []
