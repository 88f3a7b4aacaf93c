from dataclasses import replace

import pytest

from cdk_app.demo.flow import FlowReport
from cdk_app.demo.payment_findings import PaymentFindings
from cdk_app.demo.receive_once import compose_report, payment_queues

GOOD = PaymentFindings(effects=10, duplicates=2, dead_lettered=1, lost=[], doubled=[], wrong=[])


def report(*findings: PaymentFindings, killed: int = 1) -> FlowReport:
    return compose_report(findings, sent=26, killed=killed, deferred=0, seconds=1.23)


def test_the_queues_are_added_up() -> None:
    total = report(GOOD, GOOD)

    assert (total.effects, total.duplicates, total.dead_lettered, total.seconds) == (20, 4, 2, 1.2)
    assert total.problems == []


@pytest.mark.parametrize(
    ("findings", "problem"),
    [
        (replace(GOOD, lost=["p-1"]), "payment p-1 must have an effect, got none"),
        (replace(GOOD, doubled=["a EUR"]), "a EUR must hold each payment once, got one twice"),
        (replace(GOOD, wrong=["the order"]), "the order"),
    ],
)
def test_whatever_one_queue_did_wrong_is_a_problem(findings: PaymentFindings, problem: str) -> None:
    assert report(GOOD, findings).problems == [problem]


def test_a_run_in_which_nothing_was_killed_proves_too_little() -> None:
    assert report(GOOD, killed=0).problems == ["a handler must be killed while it works, got none that had work"]


def test_lanes_are_read_from_the_outputs_of_the_stack() -> None:
    outputs = {
        f"{kind}{what}": f"{kind} {what}"
        for kind in ("Fifo", "Standard")
        for what in ("QueueUrl", "DeadLetterQueueUrl", "FunctionName")
    }

    fifo, standard = payment_queues(outputs)

    assert (fifo.name, fifo.fifo, fifo.queue_url) == ("fifo", True, "Fifo QueueUrl")
    assert (standard.name, standard.fifo, standard.function_name) == ("standard", False, "Standard FunctionName")
