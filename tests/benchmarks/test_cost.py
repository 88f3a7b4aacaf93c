"""The price of a million of each pattern: it follows the usage, each price has a source, and the pages say the same."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.cost import pages, pipeline, receive_once
from benchmarks.cost.__main__ import main, ratios
from benchmarks.cost.idle import STAGE
from benchmarks.cost.load import Load
from benchmarks.cost.meter import Meter
from benchmarks.cost.patterns import PATTERNS, Design, Pattern, headline
from benchmarks.cost.usage import MILLION, Usage, million_usd, times, total, usd
from benchmarks.paths import PROJECT
from benchmarks.pipeline_cost.documents import service_item
from benchmarks.pipeline_cost.prices import Component
from benchmarks.pipeline_cost.usage import item_usage
from tsunagu.costs.prices import list_prices
from tsunagu.local.cdk_command import synthesize

LOAD = Load()
USAGES = st.dictionaries(st.sampled_from(sorted(list_prices())), st.integers(min_value=0, max_value=100), max_size=8)
DESIGNS = [
    pytest.param(design, headline(pattern), id=f"{pattern.name}-{name}")
    for pattern in PATTERNS
    for name, design in pattern.designs.items()
]


def used_anywhere() -> set[str]:
    loads = ((pattern, load) for pattern in PATTERNS for load in pattern.loads.values())
    return {name for pattern, load in loads for design in pattern.designs.values() for name in design(load)}


@given(USAGES, USAGES, st.integers(min_value=0, max_value=1_000))
def test_price_is_linear_in_the_units(one: Usage, other: Usage, number: int) -> None:
    assert usd(times(one, number)) == pytest.approx(number * usd(one))
    assert usd(total(one, other)) == pytest.approx(usd(one) + usd(other))


@given(USAGES, st.sampled_from(sorted(list_prices())))
def test_one_unit_more_costs_its_price_more(used: Usage, name: str) -> None:
    assert usd(total(used, {name: 1})) - usd(used) == pytest.approx(list_prices()[name].unit_usd, abs=1e-10)


@pytest.mark.parametrize(("design", "load"), DESIGNS)
def test_a_write_more_costs_more(design: Design, load: Load) -> None:
    assert usd(design(replace(load, writes=load.writes + 1))) > usd(design(load))


@pytest.mark.parametrize(("design", "load"), DESIGNS)
def test_slower_calls_and_more_memory_cost_more(design: Design, load: Load) -> None:
    slow = replace(load.durations, work=1.0)

    assert usd(design(replace(load, durations=slow))) > usd(design(load))
    assert usd(design(replace(load, memory_gib=1.0))) > usd(design(load))


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.name)
def test_larger_messages_and_smaller_batches_never_cost_less(pattern: Pattern) -> None:
    load = headline(pattern)

    for more in (replace(load, message_bytes=16_384), replace(load, batch=1)):
        assert usd(pattern.ours(more)) >= usd(pattern.ours(load))


def test_each_price_that_a_pattern_uses_was_looked_up() -> None:
    prices = {name: list_prices()[name] for name in used_anywhere()}

    assert [name for name, price in prices.items() if price.is_from_memory or not price.seen] == []


def test_batch_of_ten_is_counted_as_the_page_says() -> None:
    meter = Meter(replace(LOAD, duplicates=0.0))
    used, seen = receive_once.metered(meter.load)

    assert seen.calls == {"dynamodb": 2 + 2}  # the batch, and its duplicates
    assert used["dynamodb.write"] == 1 + 2 * (1 + 1)  # the claim; then the item and the order, in a transaction


def test_price_by_hand_of_a_million_messages_in_batches_of_ten() -> None:
    dynamodb = 5.01 * 0.625 + 0.01 * 0.125  # a claim, a transaction of two writes; a duplicate is a refusal and a read
    sqs = 2 * 0.101 * 0.40  # a receive and a delete for ten messages
    requests = 0.101 * 0.20
    milliseconds = 0.1 * (10 * 5 + 5 + 10) + 0.001 * (10 * 5 + 5 + 5)  # work, claim, transaction; claim and read
    function = milliseconds / 1_000 * 0.25 * MILLION * 0.0000133334
    logs = receive_once.ours(LOAD)["cloudwatch.log-gb"] * MILLION * 0.50

    assert million_usd(receive_once.ours(LOAD)) == pytest.approx(dynamodb + sqs + requests + function + logs, rel=1e-4)


def test_service_of_a_pipeline_writes_what_the_model_of_the_pipeline_says() -> None:
    flow = replace(pipeline.flow_of(LOAD), request_bytes=256, result_bytes=22)
    modelled = item_usage(flow, service_item(flow, 1, "shipping"), writes=1)

    used = pipeline.delivered_batch(LOAD, flow)

    assert used["dynamodb.write"] / LOAD.batch == modelled[Component.DYNAMODB_WRITE]


@pytest.mark.parametrize("page", pages.pages(), ids=lambda page: page.stem)
def test_page_says_what_the_model_says(page: Path) -> None:
    text = page.read_text(encoding="utf-8")

    assert pages.with_tables(text) == text, "make docs-pages writes these tables anew; read the difference then"


@pytest.mark.slow
def test_page_says_what_a_month_without_a_message_costs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROJECT)
    text = pages.OVERVIEW.read_text(encoding="utf-8")

    assert pages.with_tables(text, synthesize(STAGE, tmp_path / "cdk.out")) == text


def test_each_page_has_its_table() -> None:
    found = {page.stem: [each["name"] for each in pages.SECTION.finditer(page.read_text())] for page in pages.pages()}

    assert found == {**{pattern.name: [pattern.name] for pattern in PATTERNS}, "performance": [pages.ALL, pages.IDLE]}


def test_ratios_have_names_of_their_own() -> None:
    names = [ratio.name for ratio in ratios()]

    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"cost\.[\w-]+(\.[\w-]+)?", name) for name in names)
    assert {name for name in names if name.count(".") == 1} == {f"cost.{pattern.name}" for pattern in PATTERNS}


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("accept-now", lambda load: replace(load, polls=1)),
        ("accept-now", lambda load: replace(load, results=2)),
        ("accept-now", lambda load: replace(load, work_seconds=2.0)),
        ("accept-now", lambda load: replace(load, requests_per_second=0.1)),
        ("one-at-a-time", lambda load: replace(load, ticks_of_a_run=2)),
        ("web-and-queue", lambda load: replace(load, access_log_bytes=800)),
        ("receive-once", lambda load: replace(load, duplicates=0.5)),
    ],
)
def test_more_of_what_a_load_says_costs_more(name: str, more: Callable[[Load], Load]) -> None:
    (pattern,) = (each for each in PATTERNS if each.name == name)

    assert usd(pattern.ours(more(LOAD))) > usd(pattern.ours(LOAD))


def test_report_of_a_pattern_has_its_assumptions_and_the_source_of_each_price(
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(["receive-once"])

    printed = capsys.readouterr().out
    assert "assumed\n" in printed
    assert "message_bytes           1024\n" in printed
    assert all(list_prices()[name].seen in printed for name in receive_once.ours(LOAD))
    assert "ratio cost.receive-once = 1." in printed
    assert "pipeline" not in printed.partition("assumed\n")[0]


def test_pattern_that_does_not_exist_is_a_sentence() -> None:
    with pytest.raises(SystemExit, match=r"a pattern must be one of receive-once, pipeline, .*, got nothing-known"):
        main(["nothing-known"])
