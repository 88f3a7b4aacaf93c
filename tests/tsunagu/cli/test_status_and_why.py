"""`tsunagu status`, `why` and `find`: what they print, and their exit codes."""

import json
import time

import pytest

from tests.tsunagu.cli.conftest import Tsunagu
from tests.tsunagu.operations.shop import STACK, Shop
from tests.tsunagu.operations.test_evidence import MESSAGE, bury, log, put
from tsunagu.contracts.items import Status
from tsunagu.operations.aws import Aws
from tsunagu.operations.evidence import letters


@pytest.fixture
def shop(aws: None, monkeypatch: pytest.MonkeyPatch) -> Shop:
    made = Shop()
    monkeypatch.setattr(Aws, "cloudformation", property(lambda _: made.cloudformation.client))
    return made


def test_a_stack_where_all_is_well_has_exit_code_0(shop: Shop, tsunagu: Tsunagu) -> None:
    result = tsunagu("status")

    assert result.code == 0
    assert result.out.startswith("shop: all well\n")
    assert "Orders Enabled, at most 5 at once" in result.out
    assert "alarms raised: 0 of 1" in result.out


def test_a_new_stack_is_well_while_its_alarms_have_no_data(shop: Shop, tsunagu: Tsunagu) -> None:
    shop.make_new(60, int(time.time() * 1_000))
    shop.raise_alarm()

    result = tsunagu("status")

    assert result.code == 0
    assert (
        "alarms raised: 1 of 1; until their first data, because the stack is new: Orders/DeadLetterAlarm" in result.out
    )


def test_what_needs_a_person_has_exit_code_1_and_a_command(shop: Shop, tsunagu: Tsunagu) -> None:
    shop.send("OrdersDead")

    result = tsunagu("status", STACK)

    assert result.code == 1
    assert result.out.startswith("shop: needs a person\n")
    assert "- 1 dead letter in Orders\n" in result.out
    assert "tsunagu dlq list Orders --stack shop\n" in result.out


def test_status_as_json_has_the_same(shop: Shop, tsunagu: Tsunagu) -> None:
    shop.send("OrdersDead")

    result = tsunagu("status", "--stack", STACK, "--json")

    document = json.loads(result.out)
    assert (result.code, document["needs_a_person"]) == (1, True)
    assert document["stacks"][0]["dead_letter_queues"][0]["count"] == 1


def test_a_region_without_flows_is_one_sentence(shop: Shop, tsunagu: Tsunagu) -> None:
    shop.cloudformation.stacks.clear()

    result = tsunagu("status")

    assert result.code == 1
    assert result.err.startswith(
        "error: the stacks of the region eu-central-1 must have something that this library made, got none"
    )


def test_why_prints_one_page_with_the_line_of_the_handler(shop: Shop, tsunagu: Tsunagu) -> None:
    item = put(shop, "o-1", Status.DEAD, reason="5 attempts failed", message_ids=(MESSAGE,))
    fields = {"error_type": "ValueError", "error_location": "service.py:41", "item_id": item, "message_id": MESSAGE}
    log("Receiver", {"level": "ERROR", "message": "attempt failed", **fields})

    result = tsunagu("why", MESSAGE)

    assert result.code == 0
    for part in (
        "message of Orders (shop)\n",
        "now: dead-lettered, after 0 attempts that failed\n",
        "reason: 5 attempts failed\n",
        f"tsunagu dlq redrive Orders --id {MESSAGE} --stack shop\n",
        "last error: ValueError at service.py:41\n",
    ):
        assert part in result.out


def test_why_as_json_has_the_findings_and_the_lines(shop: Shop, tsunagu: Tsunagu) -> None:
    put(shop, "o-1", Status.COMPLETED)

    document = json.loads(tsunagu("why", "o-1", "--json").out)

    assert [finding["what"] for finding in document["findings"]] == ["message of Orders"]
    assert document["findings"][0]["details"]["item"]["status"] == "COMPLETED"


def test_why_finds_a_dead_letter_by_the_id_that_the_console_shows(shop: Shop, tsunagu: Tsunagu) -> None:
    letter_id = bury(shop, "LegacyDead")

    result = tsunagu("why", letter_id)

    assert result.code == 0
    assert result.out.startswith("dead letter of Legacy/Dead (shop)\n  now: in the dead-letter queue shop-LegacyDead\n")
    assert f"tsunagu dlq redrive Legacy/Dead --id {letter_id} --stack shop\n" in result.out


def test_why_says_which_letters_it_did_not_look_at(
    shop: Shop, tsunagu: Tsunagu, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letters, "LOOKED_AT", 0)
    shop.send("OrdersDead")

    result = tsunagu("why", "never-seen")

    assert result.code == 1
    assert "Orders of shop has letters that were not looked at. To look at all:\n" in result.out
    assert "tsunagu dlq show never-seen Orders --stack shop\n" in result.out


def test_why_of_an_unknown_id_says_where_it_looked(shop: Shop, tsunagu: Tsunagu) -> None:
    result = tsunagu("why", "never-seen", "--since", "2h")

    assert result.code == 1
    assert result.out.startswith("nothing is recorded of never-seen\n")
    assert "3 log groups since 20" in result.out


def test_a_length_of_another_form_is_one_sentence(shop: Shop, tsunagu: Tsunagu) -> None:
    result = tsunagu("why", "x", "--since", "yesterday")

    assert (result.code, result.err.count("\n")) == (1, 1)
    assert result.err.startswith("error: --since must be a time such as 2026-03-01T04:00:00Z, or an age such as 90m")


def test_find_prints_the_items_of_a_key(shop: Shop, tsunagu: Tsunagu) -> None:
    item = put(shop, "o-1", Status.COMPLETED)

    result = tsunagu("find", "--key", "o-1")

    assert result.code == 0
    assert "message of Orders" in result.out
    assert item[:20] in result.out


def test_find_of_a_key_without_items_is_one_sentence(shop: Shop, tsunagu: Tsunagu) -> None:
    result = tsunagu("find", "--key", "o-2")

    assert result.code == 1
    assert result.err.startswith(
        "error: the stacks of the region eu-central-1 must have an item of the key o-2, got none"
    )
