import io
import json

from rich.console import Console

from tsunagu.cli.trace_report import print_trace, trace_as_json
from tsunagu.contracts.items import Status
from tsunagu.operations.trace import RequestTrace, RunTrace, ServiceTrace
from tsunagu.runtime.claim_check import Inline, Stored

REQUEST_ID = "019a1b2c-3d4e-7f60-8a1b-2c3d4e5f6071"
RUN_ID = "019a1b2c-3d4e-7f60-8a1b-2c3d4e5f6072"
STORED = Stored(key=f"orders/{REQUEST_ID}/{RUN_ID}/request.json", version_id="v-1", sha256="0" * 64, size_bytes=70_000)
FIRST = RunTrace(
    run_id=RUN_ID,
    status=Status.COMPLETED,
    started_ms=1_763_000_000_123,
    from_step="reserve",
    request=STORED,
    services=[
        ServiceTrace(
            step="reserve",
            service="inventory",
            status=Status.COMPLETED,
            claims=2,
            attempts=1,
            updated_ms=1_763_000_001_000,
            result=Inline({"secret": "繋ぐ"}),
        ),
        ServiceTrace(
            step="reserve",
            service="billing",
            status=Status.DEAD,
            claims=1,
            updated_ms=1_763_000_002_000,
            reason="the card [of declined-1] was declined",
        ),
        ServiceTrace(step="ship", service="shipping", status=None),
    ],
)


def traced(*runs: RunTrace) -> RequestTrace:
    return RequestTrace(request_id=REQUEST_ID, bucket="claims-bucket", runs=runs)


def printed(*runs: RunTrace) -> str:
    text = io.StringIO()
    print_trace(Console(file=text, width=200, markup=False, highlight=False), traced(*runs))
    return text.getvalue()


def test_each_service_has_a_row_with_outcome_time_tries_and_reason() -> None:
    rows = [line.split() for line in printed(FIRST).splitlines()]

    assert ["reserve", "inventory", "done", "2025-11-13", "02:13:21.000Z", "2", "1"] in rows
    assert ["reserve", "billing", "dead", "2025-11-13", "02:13:22.000Z", "1", "0"] in rows
    assert "  reserve.inventory, result: in the message, 19 bytes\n" in printed(FIRST)
    assert "  reserve.billing: the card [of declined-1] was declined\n" in printed(FIRST)
    assert ["ship", "shipping", "not", "there", "yet", "0", "0"] in rows


def test_heading_says_when_the_run_was_published_and_where_its_request_lies() -> None:
    heading, request, *_ = printed(FIRST).splitlines()

    assert heading == f"run {RUN_ID}, published 2025-11-13 02:13:20.123Z, from reserve"
    assert request == (
        f"  request: s3://claims-bucket/orders/{REQUEST_ID}/{RUN_ID}/request.json version v-1, 70,000 bytes"
    )


def test_table_shows_no_data_of_the_request() -> None:
    assert "secret" not in printed(FIRST)
    assert "in the message, 19 bytes" in printed(FIRST)


def test_run_that_was_not_published_says_why() -> None:
    refused = RunTrace(run_id=None, status=Status.DEAD, started_ms=0, reason="UnknownStepError: no such step")

    assert printed(refused) == "run without an id, dead 1970-01-01 00:00:00.000Z, UnknownStepError: no such step\n"


def test_service_of_another_run_is_marked() -> None:
    replayed = RunTrace(
        run_id=RUN_ID,
        status=Status.COMPLETED,
        started_ms=0,
        from_step="reserve",
        only="billing",
        base_run_id="base",
        services=[ServiceTrace(step="reserve", service="inventory", status=Status.COMPLETED, is_of_base=True)],
    )

    assert "from reserve, only billing, the others as in run base" in printed(replayed)
    assert "done (other run)" in printed(replayed)


def test_json_holds_times_states_and_data() -> None:
    shown = json.loads(json.dumps(trace_as_json(traced(FIRST))))

    (run,) = shown["runs"]
    inventory, billing, shipping = run["services"]
    assert (shown["request_id"], shown["bucket"]) == (REQUEST_ID, "claims-bucket")
    assert (run["status"], run["started"], run["is_done"]) == ("COMPLETED", "2025-11-13 02:13:20.123Z", False)
    assert run["request"]["claim"]["version_id"] == "v-1"
    assert inventory["result"] == {"inline": {"secret": "繋ぐ"}}
    assert (billing["status"], billing["reason"]) == ("DEAD", "the card [of declined-1] was declined")
    assert (shipping["status"], shipping["updated"], shipping["result"]) == (None, None, None)
