"""Published reasons: dead letters and notifications have the texts of our errors, unless a setting says otherwise."""

from typing import Any

import pytest

from tests.tsunagu.runtime.world import MAX_ATTEMPTS, Process, World, order, record
from tsunagu.contracts.items import Status
from tsunagu.runtime.aws.entries import EntryCall, send_entries
from tsunagu.runtime.errors import FailedCall, PermanentError, RetryableError
from tsunagu.runtime.json_text import JsonObject
from tsunagu.runtime.receiving.message import Message
from tsunagu.runtime.sending.publish import EntryFailure, OutgoingMessage, SendResult
from tsunagu.testing.fakes import Killed

SECRET = "secret-4711"


class OwnError(PermanentError):
    """An error of a business function that decides."""


def raising(error: BaseException) -> Process:
    def process(_body: JsonObject, _message: Message) -> None:
        raise error

    return process


def published(world: World) -> set[str]:
    """Return the one reason that dead letters and notifications say."""
    letters = {str(letter.attributes["tsunagu_dead_letter_reason"]) for letter in world.dead_letter_queue.sent}
    notified = {letter["reason"] for each in world.topic.published for letter in each["dead_letters"]}
    assert letters == notified
    return letters


def receive_until_dead(world: World, process: Process) -> None:
    for _ in range(MAX_ATTEMPTS):
        world.receive(record(order("o-1")), process=process)
    assert world.only_item().status is Status.DEAD


def test_text_of_another_error_stays_in_the_item() -> None:
    world = World()
    receive_until_dead(world, raising(ValueError(SECRET)))

    assert published(world) == {f"{MAX_ATTEMPTS} attempts failed, the last with ValueError"}
    assert world.only_item().reason == f"{MAX_ATTEMPTS} attempts failed, the last with ValueError: {SECRET}"


@pytest.mark.parametrize("error", [PermanentError("chosen"), OwnError("chosen"), RetryableError("chosen")])
def test_text_of_an_error_that_decides_is_published(error: Exception) -> None:
    world = World()
    for _ in range(MAX_ATTEMPTS):
        world.receive(record(order("o-1")), process=raising(error))

    (reason,) = published(world)
    assert reason.endswith("chosen")
    assert (world.only_item().reason, world.only_item().published_reason) == (reason, "")


def test_every_text_is_published_where_the_setting_says_so() -> None:
    world = World()
    world.publish_error_text = True
    receive_until_dead(world, raising(ValueError(SECRET)))

    assert published(world) == {f"{MAX_ATTEMPTS} attempts failed, the last with ValueError: {SECRET}"}


def test_text_stays_in_the_item_when_the_notification_is_repeated_by_another_worker() -> None:
    world = World()
    world.topic.broken = True
    receive_until_dead(world, raising(ValueError(SECRET)))
    world.topic.broken = False
    world.dead_letter_queue.sent.clear()

    assert world.receive(record(order("o-1"))) == []
    assert published(world) == {f"{MAX_ATTEMPTS} attempts failed, the last with ValueError"}


def test_text_stays_in_the_item_of_a_message_whose_attempts_were_spent_before(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    for _ in range(MAX_ATTEMPTS - 1):
        world.receive(record(order("o-1")), process=raising(ValueError(SECRET)))
    world.receive(record(order("o-1")), remaining_ms=100)  # no time for it, so that it is released
    monkeypatch.setattr("tests.tsunagu.runtime.world.MAX_ATTEMPTS", MAX_ATTEMPTS - 1)  # another deployment

    assert world.receive(record(order("o-1"))) == []
    assert published(world) == {"ValueError"}
    assert world.only_item().reason == f"ValueError: {SECRET}"


def test_an_outage_or_a_kill_does_not_publish_the_text_of_an_earlier_error() -> None:
    world = World()
    world.receive(record(order("o-1")), process=raising(ValueError(SECRET)))
    world.receive(record(order("o-1")), remaining_ms=1)  # no time: released as it was
    for _ in range(MAX_ATTEMPTS):
        world.receive_and_die(record(order("o-1")), process=raising(Killed()))
        world.pass_lease()
        if world.only_item().attempts == MAX_ATTEMPTS:
            break
    world.receive(record(order("o-1")))

    assert published(world) == {f"killed in attempt {MAX_ATTEMPTS}"}


def test_a_later_error_of_ours_is_published_and_not_the_type_of_an_earlier_one() -> None:
    world = World()
    world.receive(record(order("o-1")), process=raising(ValueError(SECRET)))
    world.receive(record(order("o-1")), process=raising(PermanentError("chosen")))

    assert published(world) == {"chosen"}
    assert world.only_item().published_reason == ""


def test_redriven_message_begins_without_the_reason_of_before() -> None:
    world = World()
    receive_until_dead(world, raising(ValueError(SECRET)))

    world.receive(record(order("o-1"), "m-redriven"))

    assert (world.only_item().reason, world.only_item().published_reason) == ("", "")


def test_text_of_a_service_that_refuses_an_outbox_stays_in_the_log_of_the_item(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    call = FailedCall("sqs:SendMessage", "next", "InvalidParameter")
    refused = SendResult(None, f"An error occurred: {SECRET}", is_permanent=True, call=call)
    monkeypatch.setattr(world.outbox, "send", lambda messages: [refused] * len(messages))

    world.receive(record(order("o-1")), process=lambda _body, message: message.outbox.send("https://sqs/next", "x"))

    (reason,) = published(world)
    assert reason == "done, but its messages were refused 1 times, the last with InvalidParameter"
    assert world.only_item().published_reason == reason


def test_failed_entry_has_the_code_of_its_service() -> None:
    failed = {"Id": "0", "Code": "InvalidMessageContents", "Message": SECRET, "SenderFault": True}

    call = EntryCall("sqs:SendMessage", "next", lambda _messages: {"Failed": [failed]})
    (answer,) = send_entries([OutgoingMessage(body="x")], call, in_order=False)

    assert isinstance(answer, EntryFailure)
    assert answer.call is not None
    assert answer.call.code == "InvalidMessageContents"


def test_type_of_an_error_is_published_as_printable_text() -> None:
    error: Any = type("Odd\nName" + "x" * 200, (Exception,), {})
    world = World()
    receive_until_dead(world, raising(error()))

    (reason,) = published(world)
    assert reason.isprintable()
