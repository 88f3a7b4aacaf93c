"""Orders over HTTP and by the queue at the same time, with copies, invalid ones and kills: each takes effect once."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from cdk_app.demo.driver import drain
from cdk_app.demo.flow import FlowReport
from cdk_app.demo.signed_api import ApiAnswer
from cdk_app.demo.web_and_queue import STACK_NAME, OrderCounter, WebAndQueue
from cdk_app.demo.web_orders import WebShape, plan_orders
from tests.clouds import shared_cloud
from tests.e2e.deployed import Deployment
from tests.e2e.order_api_apps import VARIANTS, stack_name, synthesize_order_api
from tsunagu.local.embedded_cloud import EmbeddedCloud

SMALL = WebShape(requests=40, messages=80, copied_share=0.05, invalid_share=0.05)
LARGE = WebShape(requests=200, messages=500, copied_share=0.05, invalid_share=0.01, cancelled=4)
BURST_MESSAGES = 5_000
PROBES = 100
OK, CREATED = 200, 201


def no_progress(_text: str) -> None:
    """Show nothing."""


def assert_each_once(report: FlowReport, shape: WebShape) -> None:
    assert report.problems == []
    assert (report.lost, report.doubled) == (0, 0)
    assert report.effects == shape.requests + shape.messages
    assert report.killed
    assert report.dead_lettered >= max(1, round(shape.messages * shape.invalid_share))


def test_orders_over_http_and_by_the_queue_take_effect_once_beside_each_other(deployment: Deployment) -> None:
    flow = WebAndQueue(seed=2026, shape=SMALL, kills=1, name="both-ways")

    assert_each_once(flow.run(deployment.cloud, deployment.outputs, no_progress), SMALL)


def test_another_request_with_the_key_of_an_order_is_refused(deployment: Deployment) -> None:
    counter = OrderCounter.for_new_user(deployment.cloud, deployment.outputs[STACK_NAME])
    planned = plan_orders(7, "one-key", WebShape(requests=3, messages=2, cancelled=1))
    one, other = [order for order in planned if order.way == "http" and not order.flaw][:2]

    first = counter.api.post("/orders", one.body, key=one.key)
    second = counter.api.post("/orders", other.body, key=one.key)
    no_key = counter.api.post("/orders", one.body)

    assert (first.status, second.status, no_key.status) == (CREATED, 422, 400)
    for answer in (second, no_key):
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.fixture(scope="module", params=VARIANTS)
def variant(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    name = request.param
    assembly = synthesize_order_api(name, tmp_path_factory.mktemp(name) / "cdk.out")
    with shared_cloud(tmp_path_factory.mktemp("cloud")) as cloud:
        yield Deployment(cloud=cloud, assembly=assembly, outputs=cloud.deploy(assembly))


@pytest.mark.slow
def test_every_variant_gives_every_order_its_effect_once(variant: Deployment) -> None:
    (name,) = variant.outputs
    flow = WebAndQueue(seed=7, shape=LARGE, kills=4, stack_name=name, name="large")

    assert_each_once(flow.run(variant.cloud, variant.outputs, no_progress), LARGE)


@pytest.mark.slow
def test_a_burst_of_messages_does_not_fail_the_api(
    tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    assembly = synthesize_order_api("shared-http-zip", tmp_path_factory.mktemp("burst") / "cdk.out")
    with shared_cloud(tmp_path_factory.mktemp("cloud")) as cloud:
        outputs = cloud.deploy(assembly)[stack_name("shared-http-zip")]
        counter = OrderCounter.for_new_user(cloud, outputs)
        idle = [_list(counter) for _ in range(PROBES)]
        busy = _probe_during(counter, _burst(cloud, counter))

    with capsys.disabled():  # the figures are for the reader of the run
        print(f"\n{_line('idle queue', idle)}\n{_line(f'burst of {BURST_MESSAGES:,} messages', busy)}")  # noqa: T201
    assert {answer.status for answer in busy} == {OK}
    assert len(busy) >= PROBES


def _burst(cloud: EmbeddedCloud, counter: OrderCounter) -> Callable[[], None]:
    shape = WebShape(requests=1, messages=BURST_MESSAGES, copied_share=0.001, invalid_share=0.0005, cancelled=1)
    orders = [order for order in plan_orders(3, "burst", shape) if order.way == "queue"]

    def send_and_drain() -> None:
        counter.send(orders)
        drain(cloud, [counter.queue], patience_seconds=600)

    return send_and_drain


def _probe_during(counter: OrderCounter, work: Callable[[], None]) -> list[ApiAnswer]:
    answers = []
    with ThreadPoolExecutor(1) as worker:
        done = worker.submit(work)
        while not done.done():
            answers.append(_list(counter))
            time.sleep(0.05)
        done.result()
    return answers


def _list(counter: OrderCounter) -> ApiAnswer:
    return counter.api.call("GET", "/orders?limit=1")


def _line(name: str, answers: Sequence[ApiAnswer]) -> str:
    seconds = sorted(answer.seconds for answer in answers)
    p99 = seconds[math.ceil(len(seconds) * 0.99) - 1]
    errors = sum(answer.status != OK for answer in answers)
    return f"{name}: {len(answers)} requests, errors {errors / len(answers):.2%}, p99 {p99:.3f} s"
