from typing import Any

import pytest

from tsunagu.cli.usage import example_lines
from tsunagu.contracts.flows import METADATA_KEY, Kind, Part, write_parts
from tsunagu.templates.references import Document


@pytest.fixture(autouse=True)
def on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}")


def test_each_queue_has_a_line_that_sends_to_it() -> None:
    outputs = {
        "tsunagu-embedded-invoices": {
            "PaidInvoicesQueueUrl": "http://127.0.0.1/1/paid",
            "FifoQueueUrl": "http://127.0.0.1/1/invoices.fifo",
            "FifoDeadLetterQueueUrl": "http://127.0.0.1/1/dead.fifo",
        }
    }

    assert [*example_lines(outputs, "embedded")] == [
        "tsunagu send invoices --queue fifo --group-by FIELD --file messages.jsonl --stage embedded --yes",
        "tsunagu send invoices --queue paid-invoices --file messages.jsonl --stage embedded --yes",
    ]


def test_each_pipeline_has_a_line_that_starts_a_request_and_none_for_its_queues() -> None:
    outputs = {"tsunagu-embedded-desk": {"PipelineName": "orders", "BillingQueueUrl": "http://127.0.0.1/1/billing"}}

    assert [*example_lines(outputs, "embedded")] == ["tsunagu start orders --file request.json --stage embedded --yes"]


def test_each_job_has_a_line_that_starts_a_run_and_none_for_its_queue() -> None:
    outputs = {"tsunagu-embedded-sync": {"JobName": "supplier-sync", "SyncQueueUrl": "http://127.0.0.1/1/sync"}}

    assert [*example_lines(outputs, "embedded")] == ["tsunagu run supplier-sync --stage embedded --yes"]


def test_queue_of_an_api_of_requests_has_no_line_because_its_messages_name_records() -> None:
    outputs = {"tsunagu-embedded-desk": {"RequestApiName": "claims", "ClaimsQueueUrl": "http://127.0.0.1/1/claims"}}

    assert [*example_lines(outputs, "embedded")] == []


def test_stack_without_the_stage_in_its_name_is_named_whole() -> None:
    outputs = {"desk": {"PipelineName": "orders"}, "mail": {"LettersQueueUrl": "http://127.0.0.1/1/letters"}}

    assert [*example_lines(outputs, "embedded")] == [
        "tsunagu start orders --file request.json --stack desk --yes",
        "tsunagu send --queue letters --file messages.jsonl --stack mail --yes",
    ]


def test_app_without_queues_and_pipelines_has_no_line() -> None:
    assert [*example_lines({"network": {"VpcId": "vpc-1"}}, "embedded")] == []


def test_stacks_without_outputs_are_used_by_the_metadata_of_their_constructs() -> None:
    resources = {
        "P": marked(Part(kind=Kind.PIPELINE, name="orders", path="Orders")),
        "S": marked(
            Part(kind=Kind.RECEIVER, name="Orders/Billing", path="Orders/Billing"),
            Part(kind=Kind.SERVICE, name="orders/billing", path="Orders/Billing"),
        ),
        "M": marked(Part(kind=Kind.JOB, name="nightly", path="Nightly")),
        "W": marked(Part(kind=Kind.RECEIVER, name="Nightly", path="Nightly")),
        "Q": {**marked(Part(kind=Kind.CHANNEL, name="Parcels", path="Parcels")), "Properties": {"FifoQueue": True}},
        "R": marked(Part(kind=Kind.RECEIVER, name="Parcels", path="Parcels")),
    }
    document = Document(path="x", body={"Resources": resources}, stack_name="shop")

    assert [*example_lines({}, "embedded", [document])] == [
        "tsunagu start orders --file request.json --stack shop --yes",
        "tsunagu run nightly --stack shop --yes",
        "tsunagu send --queue Parcels --group-by FIELD --file messages.jsonl --stack shop --yes",
    ]


def test_outputs_of_queues_hide_no_pipeline_and_no_job() -> None:
    outputs = {"shop": {"BillingQueueUrl": "http://127.0.0.1/1/billing"}}
    resources = {
        "P": marked(Part(kind=Kind.PIPELINE, name="orders", path="Orders")),
        "M": marked(Part(kind=Kind.JOB, name="nightly", path="Nightly")),
        "R": marked(Part(kind=Kind.RECEIVER, name="Parcels", path="Parcels")),
    }
    document = Document(path="x", body={"Resources": resources}, stack_name="shop")

    assert [*example_lines(outputs, "embedded", [document])] == [
        "tsunagu start orders --file request.json --stack shop --yes",
        "tsunagu run nightly --stack shop --yes",
        "tsunagu send --queue Parcels --file messages.jsonl --stack shop --yes",
    ]


def test_a_pipeline_that_outputs_and_constructs_name_has_one_line() -> None:
    outputs = {"shop": {"PipelineName": "orders"}}
    resources = {"P": marked(Part(kind=Kind.PIPELINE, name="orders", path="Orders"))}
    document = Document(path="x", body={"Resources": resources}, stack_name="shop")

    assert len([*example_lines(outputs, "embedded", [document])]) == 1


def test_line_for_a_stack_that_is_protected_has_force() -> None:
    resources = {"M": marked(Part(kind=Kind.JOB, name="nightly", path="Nightly", protected=True))}
    document = Document(path="x", body={"Resources": resources}, stack_name="shop")

    assert [*example_lines({}, "embedded", [document])] == ["tsunagu run nightly --stack shop --yes --force"]


def marked(*parts: Part) -> dict[str, Any]:
    return {"Type": "X", "Metadata": {METADATA_KEY: write_parts(parts)}}
