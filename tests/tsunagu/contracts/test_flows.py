import pytest

from tsunagu.contracts.flows import METADATA_KEY, Kind, Part, letters_of, read_parts, short_name, write_parts


def test_parts_are_read_as_they_were_written() -> None:
    parts = (
        Part(kind=Kind.RECEIVER, name="Orders/Billing", path="Orders/Billing", protected=True),
        Part(kind=Kind.REQUESTS, name="reports", path="EventReports"),
    )

    assert read_parts({METADATA_KEY: write_parts(parts)}) == parts


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        "text",
        {},
        {METADATA_KEY: "text"},
        {METADATA_KEY: {"version": 1, "parts": "receiver"}},
        {METADATA_KEY: {"version": 9, "parts": [{"kind": "receiver"}, 3, {"kind": 1, "name": "x"}]}},
    ],
)
def test_metadata_of_another_form_has_no_parts(metadata: object) -> None:
    assert read_parts(metadata) == ()


def test_a_kind_of_a_later_release_is_kept() -> None:
    (part,) = read_parts({METADATA_KEY: {"version": 2, "parts": [{"kind": "tower", "name": "T", "height": 3}]}})

    assert part == Part(kind="tower", name="T", path="T")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("FifoChannel", "Fifo"),
        ("FifoReceiver", "Fifo"),
        ("Channel", "Channel"),
        ("OrderApi/Receiver", "OrderApi"),
        ("Payments/FifoChannel", "Payments/Fifo"),
        ("Orders/Steps/Reserve/Billing/Channel", "Orders/Billing"),
        ("Orders/Steps/Reserve/Billing/Channel/Subscription", "Orders/Billing/Subscription"),
        ("Orders/Steps/Reserve", "Orders/Steps/Reserve"),
        ("SupplierSync/Undelivered", "SupplierSync/Undelivered"),
    ],
)
def test_a_name_is_the_path_without_what_says_that_it_is_a_channel(path: str, name: str) -> None:
    assert short_name(path) == name


def test_people_type_names_in_different_ways() -> None:
    assert letters_of("order-events") == letters_of("OrderEvents") == letters_of("order_events")
