"""`tsunagu dlq` on a queue that is in no stack, against moto: what an operator sees, and what letters go through."""

import json
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from tests.integration.dead_letters import Command, DeadQueue, tsunagu

__all__ = ["tsunagu"]

AT_ONCE = ("--yes", "--no-canary", "--rate", "500", "--wait", "0", "--drained", "0")


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def dead() -> DeadQueue:
    return DeadQueue.make()


def test_list_groups_letters_by_reason_and_gives_them_back(tsunagu: Command, dead: DeadQueue) -> None:
    dead.put(["a", "b"], tsunagu_dead_letter_reason="order o-1 is unknown", tsunagu_redriven="1")
    dead.put(["c"])

    result = tsunagu("dlq", "list", "--queue-url", dead.url)

    assert (result.code, result.err) == (0, "")
    heading, source, *rows = [line.rstrip() for line in result.out.splitlines() if line.strip()]
    assert (heading, source) == ("dead: 3 letters", "  letters of queue orders")
    assert [row.split()[0:2] for row in rows[-2:]] == [["2", "2"], ["1", "-"]]
    assert rows[-2].endswith("order o-1 is unknown")
    assert rows[-1].endswith("SQS moved it after 3 deliveries")
    assert sorted(dead.letters) == ["a", "b", "c"]


def test_list_as_json_has_groups_and_letters(tsunagu: Command, dead: DeadQueue) -> None:
    (letter_id,) = dead.put(['{"a": 1}'], tsunagu_dead_letter_reason="because")

    result = tsunagu("dlq", "list", "--queue-url", dead.url, "--json", "--letters")

    (queue,) = json.loads(result.out)["queues"]
    assert (queue["seen"], queue["not_shown"], queue["in_flight"]) == (1, 0, 0)
    assert queue["groups"][0]["such_as"] == letter_id
    assert queue["letters"][0]["body"] == {"a": 1}


def test_empty_queue_says_so(tsunagu: Command, dead: DeadQueue) -> None:
    assert tsunagu("dlq", "list", "--queue-url", dead.url).out == "dead: no letters\n"
    for verb in (("redrive",), ("purge",), ("discard", "--reason", "x")):
        result = tsunagu("dlq", *verb, "--queue-url", dead.url, "--yes")
        assert (result.code, result.out) == (0, "")
        assert "no such letter" in result.err


def test_letters_that_somebody_else_has_are_counted(tsunagu: Command, dead: DeadQueue) -> None:
    dead.put(["a", "b"])
    boto3.client("sqs").receive_message(QueueUrl=dead.url, VisibilityTimeout=60)

    result = tsunagu("dlq", "list", "--queue-url", dead.url)

    assert "  1 in flight, not shown: somebody else has received them" in result.out


def test_letters_are_given_back_when_the_command_is_interrupted(
    tsunagu: Command, dead: DeadQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead.put([f"b-{number}" for number in range(12)])
    calls = []

    def interrupt(opened: object) -> str:
        calls.append(opened)
        if len(calls) == 11:
            raise KeyboardInterrupt
        return "reason"

    monkeypatch.setattr("tsunagu.operations.letters.selection._contains", lambda _text, opened: bool(interrupt(opened)))

    result = tsunagu("dlq", "export", "--queue-url", dead.url, "-o", "out.jsonl", "--reason", "x")

    assert result.code == 130
    assert len(dead.letters) == 12


def test_show_prints_a_letter_whole(tsunagu: Command, dead: DeadQueue) -> None:
    (letter_id,) = dead.put(['{"amount": 7}'], binary=b"\xff\x00", tsunagu_dead_letter_reason="it is broken")

    result = tsunagu("dlq", "show", letter_id[:8], "--queue-url", dead.url)

    assert result.code == 0, result.err
    for line in (f"id: {letter_id}", "reason: it is broken", "  binary: /wA=", '  "amount": 7', "item: none is known"):
        assert line in result.out.splitlines()


def test_letter_that_is_not_there_is_named_with_how_many_there_are(tsunagu: Command, dead: DeadQueue) -> None:
    dead.put(["a"])

    result = tsunagu("dlq", "show", "ffffffff", "--queue-url", dead.url)

    assert result.code == 1
    assert result.err == "error: dead must have the letter ffffffff, got none among 1 letters\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("list", "--stage", "dev", "--queue-url", "URL"), "either a stack or --queue-url must say where the queue is"),
        (("list", "--queue-url", "https://sqs.eu-central-1.amazonaws.com/1/none"), "--queue-url must be the URL of"),
        (("redrive", "--queue-url", "URL", "--filter", "a["), "--filter must be a JMESPath expression, got 'a['"),
        (("redrive", "--queue-url", "URL", "--since", "soon"), "--since must be a time such as"),
        (("redrive", "--queue-url", "URL", "--from-file", "none"), "--from-file must name a file that"),
        (("discard", "--queue-url", "URL"), "the letters must be selected by at least one option, got none"),
        (("redrive", "--queue-url", "URL"), "dlq redrive must be confirmed, and there is no terminal to ask on"),
        (("edit", "012345", "--queue-url", "URL"), "dead must have the letter 012345, got none among 1 letters"),
    ],
)
def test_refusal_is_one_sentence(tsunagu: Command, dead: DeadQueue, arguments: tuple[str, ...], sentence: str) -> None:
    dead.put(["a"])

    result = tsunagu("dlq", *(dead.url if each == "URL" else each for each in arguments))

    assert (result.code, result.out) == (1, "")
    assert f"error: {sentence}" in result.err
    assert dead.letters == ["a"]


def test_queue_that_is_no_dead_letter_queue_is_not_touched(tsunagu: Command, dead: DeadQueue) -> None:
    boto3.client("sqs").send_message(QueueUrl=dead.source_url, MessageBody="live")

    result = tsunagu("dlq", "list", "--queue-url", dead.source_url)

    assert result.err.startswith("error: --queue-url must be a dead-letter queue, where a look does no harm, got one")
    (message,) = boto3.client("sqs").receive_message(
        QueueUrl=dead.source_url, MessageSystemAttributeNames=["ApproximateReceiveCount"]
    )["Messages"]
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"


def test_dry_run_changes_nothing(tsunagu: Command, dead: DeadQueue) -> None:
    dead.put(["a", "b"])

    result = tsunagu("dlq", "redrive", "--queue-url", dead.url, "--dry-run")

    assert result.code == 0
    assert result.err.endswith(
        "would send 2 dead letters of dead back to the queue orders; dry run, so nothing was changed\n"
    )
    assert (len(dead.letters), dead.sent_back) == (2, [])


def test_redrive_of_a_selection_leaves_the_others(tsunagu: Command, dead: DeadQueue) -> None:
    dead.put([json.dumps({"n": number}) for number in range(25)])

    result = tsunagu("dlq", "redrive", "--queue-url", dead.url, "--filter", "body.n < `20`", "--limit", "15", *AT_ONCE)

    assert "sent back 15" in result.out
    assert (len(dead.letters), len(dead.sent_back)) == (10, 15)
    assert all(json.loads(body)["n"] < 20 for body in dead.sent_back)


def test_first_letter_that_is_not_processed_keeps_the_others_back(tsunagu: Command, dead: DeadQueue) -> None:
    dead.put(["a", "b", "c"])

    result = tsunagu("dlq", "redrive", "--queue-url", dead.url, "--yes", "--canary-wait", "1", "--drained", "0")

    assert result.code == 1
    assert result.out == "sent back 1: 1 not known yet\n"
    assert "the first letter was not processed within 1 s. What was not sent is still" in result.err
    assert (len(dead.letters), len(dead.sent_back)) == (2, 1)


def test_fifo_group_goes_back_in_order_beyond_its_first_ten(tsunagu: Command) -> None:
    dead = DeadQueue.make(fifo=True)
    bodies = [f"b-{number:02}" for number in range(34)]
    dead.put(bodies, group="g")

    result = tsunagu("dlq", "redrive", "--queue-url", dead.url, "--group", "g", *AT_ONCE)

    assert "sent back 34" in result.out
    sqs, found = boto3.client("sqs"), []
    while messages := sqs.receive_message(QueueUrl=dead.source_url, MaxNumberOfMessages=10).get("Messages"):
        found += [message["Body"] for message in messages]
        for message in messages:
            sqs.delete_message(QueueUrl=dead.source_url, ReceiptHandle=message["ReceiptHandle"])
    assert found == bodies


def test_discarded_letters_come_back_from_their_export_with_their_bytes(tsunagu: Command, dead: DeadQueue) -> None:
    dead.put(["a", "b"], binary=b"\xff\x00", tsunagu_dead_letter_reason="broken")
    dead.put(["c"])

    result = tsunagu("dlq", "discard", "--queue-url", dead.url, "--reason", "broken", "--yes", "--output", "out.jsonl")

    assert result.out.splitlines() == [
        "discarded 2; this takes them back:",
        f"      tsunagu dlq redrive --from-file out.jsonl --queue-url {dead.url}",
    ]
    assert dead.letters == ["c"]
    for _ in range(2):  # the second time there is nothing left to do
        tsunagu("dlq", "redrive", "--queue-url", dead.url, "--from-file", "out.jsonl", *AT_ONCE)
    assert sorted(dead.sent_back) == ["a", "b"]
    (message, *_) = boto3.client("sqs").receive_message(QueueUrl=dead.source_url, MessageAttributeNames=["All"])[
        "Messages"
    ]
    assert message["MessageAttributes"]["binary"]["BinaryValue"] == b"\xff\x00"


def test_purge_exports_all_and_asks_first(tsunagu: Command, dead: DeadQueue) -> None:
    dead.put([f"b-{number}" for number in range(25)])

    refused = tsunagu("dlq", "purge", "--queue-url", dead.url)
    assert "no terminal to ask on" in refused.err
    assert len(dead.letters) == 25

    result = tsunagu("dlq", "purge", "--queue-url", dead.url, "--yes")

    assert result.code == 0, result.err
    (export,) = Path(".tsunagu/letters").iterdir()
    assert len(export.read_text().splitlines()) == 25
    assert str(export) in result.out
    assert dead.letters == []


def test_edited_letter_goes_back_with_its_new_payload_and_the_old_one_is_exported(
    tsunagu: Command, dead: DeadQueue
) -> None:
    (letter_id,) = dead.put(['{"amount": -1}'], own="kept")
    Path("payload.json").write_text('{"amount": 1}\n')

    result = tsunagu(
        *("dlq", "edit", letter_id, "--queue-url", dead.url, "--file", "payload.json"),
        *("--yes", "--wait", "1", "--drained", "0"),
    )

    assert "sent back 1" in result.out
    assert (dead.letters, dead.sent_back) == ([], ['{"amount": 1}'])
    (export,) = Path(".tsunagu/letters").iterdir()
    assert json.loads(export.read_text())["body"] == '{"amount": -1}'


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that lets an operator's editor carry out a line of sed."""

    def use(script: str) -> None:
        path = tmp_path / "editor"
        path.write_text(f'#!/bin/sh\nsed -i "{script}" "$1"\n')
        path.chmod(0o755)
        monkeypatch.setenv("VISUAL", str(path))

    return use


def test_what_was_written_in_an_editor_is_sent_short_and_kept(
    tsunagu: Command, dead: DeadQueue, editor: Callable[[str], None]
) -> None:
    (letter_id,) = dead.put(['{"amount": -1, "note": "n"}'])
    editor("s/-1/1/")

    refused = tsunagu("dlq", "edit", letter_id, "--queue-url", dead.url)
    result = tsunagu("dlq", "edit", letter_id, "--queue-url", dead.url, "--yes", "--wait", "1", "--drained", "0")

    assert "no terminal to ask on" in refused.err
    assert (dead.letters, dead.sent_back) == ([], ['{"amount":1,"note":"n"}'])
    kept = [path for path in Path(".tsunagu/letters").iterdir() if path.name.endswith(".edited.json")]
    assert [json.loads(path.read_text())["amount"] for path in kept] == [1, 1]
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in kept)
    assert str(kept[0]) in refused.err + result.err


def test_payload_that_is_no_json_any_more_is_not_sent_and_not_lost(
    tsunagu: Command, dead: DeadQueue, editor: Callable[[str], None]
) -> None:
    (letter_id,) = dead.put(['{"amount": -1}'])
    editor("s/-1/-/")

    result = tsunagu("dlq", "edit", letter_id, "--queue-url", dead.url, "--yes")

    (kept,) = Path(".tsunagu/letters").iterdir()
    assert (result.code, len(dead.letters), dead.sent_back) == (1, 1, [])
    assert result.err.startswith("error: the payload must be JSON, got an error at line 2, column 13")
    assert f"it is kept in {kept}: correct it, and give it with --file" in result.err


def test_connection_that_breaks_while_letters_go_back_loses_none(
    tsunagu: Command, dead: DeadQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead.put([f"b-{number}" for number in range(25)])
    sent = []

    def break_off(**_: object) -> None:
        sent.append(1)
        if len(sent) == 2:
            raise EndpointConnectionError(endpoint_url="https://sqs.example")

    from tsunagu.operations.aws import Aws  # noqa: PLC0415 - its clients are made by the command

    make = Aws.client

    def client(self: Aws, service: str) -> object:
        made = make(self, service)
        if service == "sqs" and not getattr(made, "is_broken", False):
            made.is_broken = True
            made.meta.events.register("before-call.sqs.DeleteMessageBatch", break_off)
        return made

    with monkeypatch.context() as patch:
        patch.setattr(Aws, "client", client)
        result = tsunagu("dlq", "redrive", "--queue-url", dead.url, *AT_ONCE)

    assert result.code == 1
    assert "not deleted here: EndpointConnectionError, but sent back" in result.out
    assert {*dead.letters} | {*dead.sent_back} == {f"b-{number}" for number in range(25)}
