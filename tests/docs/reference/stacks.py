"""One small stack for each exported construct, synthesized once."""

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aws_cdk import CfnResource, Duration, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from tests.apps import new_app
from tsunagu import cdk
from tsunagu.cdk import HandlerFunctionProps, HandlerPackage, QueueChannelProps, ReceiverSettings

PROJECT = Path(__file__).resolve().parents[3]
HALF_A_MINUTE = Duration.seconds(30)
# What makes the construct of a page, once the constructs that it is given exist.
Maker = Callable[[], Construct]


def package() -> HandlerPackage:
    """Return the handler package of all functions: it is read, and not run."""
    return HandlerPackage(path=PROJECT / "examples" / "invoices" / "invoices")


def channel(stack: Stack, name: str = "Orders", **settings: Any) -> cdk.QueueChannel:
    return cdk.QueueChannel(stack, name, QueueChannelProps(handler_timeout=HALF_A_MINUTE, **settings))


def receiver(stack: Stack) -> cdk.IdempotentReceiver:
    props = cdk.IdempotentReceiverProps(package=package(), channel=channel(stack))
    return cdk.IdempotentReceiver(stack, "Receiver", props)


def handler(stack: Stack) -> cdk.HandlerFunction:
    return cdk.HandlerFunction(stack, "Handler", HandlerFunctionProps(package=package(), timeout=HALF_A_MINUTE))


def requests_table(stack: Stack) -> cdk.IdempotencyTable:
    return cdk.IdempotencyTable(stack, "Requests", cdk.IdempotencyTableProps(requests=True))


def of_channel(stack: Stack) -> Maker:
    return lambda: channel(stack)


def of_receiver(stack: Stack) -> Maker:
    queue = channel(stack)
    props = cdk.IdempotentReceiverProps(package=package(), channel=queue)
    return lambda: cdk.IdempotentReceiver(stack, "Receiver", props)


def of_table(stack: Stack) -> Maker:
    function = handler(stack).function

    def make() -> Construct:
        table = cdk.IdempotencyTable(stack, "Items")
        table.grant_idempotency(function)
        return table

    return make


def of_notifier(stack: Stack) -> Maker:
    queue = channel(stack)

    def make() -> Construct:
        notifier = cdk.DeadLetterNotifier(stack, "Notifier")
        notifier.watch_channel(notifier, queue)
        return notifier

    return make


def of_key(stack: Stack) -> Maker:
    return lambda: cdk.CustomerManagedKey(stack, "Key", cdk.CustomerManagedKeyProps(description="Orders"))


def of_handler(stack: Stack) -> Maker:
    return lambda: handler(stack)


def of_bucket(stack: Stack) -> Maker:
    function = handler(stack).function

    def make() -> Construct:
        bucket = cdk.ClaimCheckBucket(stack, "Claims")
        bucket.grant_write(function, under="orders")
        return bucket

    return make


def of_results(stack: Stack) -> Maker:
    function = handler(stack).function

    def make() -> Construct:
        bucket = cdk.ResultBucket(stack, "Results")
        bucket.grant_store(function, scope="reports")
        return bucket

    return make


def of_topic(stack: Stack) -> Maker:
    queue = channel(stack)

    def make() -> Construct:
        topic = cdk.TopicChannel(stack, "Placed")
        topic.subscribe(queue)
        return topic

    return make


def of_subscription(stack: Stack) -> Maker:
    topic = cdk.TopicChannel(stack, "Placed").topic
    props = cdk.TopicSubscriptionProps(topic=topic, protocol="https", endpoint="https://orders.example.com")
    return lambda: cdk.TopicSubscription(stack, "Warehouse", props)


def of_connector(stack: Stack) -> Maker:
    services = [cdk.Service(name=name, package=package()) for name in ("billing", "stock")]
    return lambda: cdk.Connector(stack, "Reserve", cdk.ConnectorProps(services=services))


def of_pipeline(stack: Stack) -> Maker:
    billing, stock, shipping = (cdk.Service(name=name, package=package()) for name in ("billing", "stock", "shipping"))
    props = cdk.ServicePipelineProps(
        name="orders",
        preprocessor=HandlerFunctionProps(package=package(), timeout=HALF_A_MINUTE),
        steps=[cdk.Step(name="reserve", services=[billing, stock]), cdk.Step(name="ship", services=[shipping])],
    )
    return lambda: cdk.ServicePipeline(stack, "Orders", props)


def of_run_sweeper(stack: Stack) -> Maker:
    table = cdk.IdempotencyTable(stack, "Items", cdk.IdempotencyTableProps(request_index=True, run_index=True))
    notifier = cdk.DeadLetterNotifier(stack, "Notifier")
    props = cdk.RunSweeperProps(pipeline="orders", steps="{}", table=table, dead_letter_notifier=notifier)
    return lambda: cdk.RunSweeper(stack, "RunSweeper", props)


def of_machine(stack: Stack) -> Maker:
    definition = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}
    return lambda: cdk.NativeStateMachine(stack, "Machine", cdk.NativeStateMachineProps(definition=definition))


def of_schedule(stack: Stack) -> Maker:
    rate = scheduler.ScheduleExpression.rate(Duration.minutes(1))
    timeout = Duration.minutes(5)
    props = cdk.SingleFlightScheduleProps(package=package(), job="sync", schedule=rate, handler_timeout=timeout)
    return lambda: cdk.SingleFlightSchedule(stack, "Sync", props)


def of_request_api(stack: Stack) -> Maker:
    worker = ReceiverSettings(package=package())
    props = cdk.AsyncRequestApiProps(name="reports", worker=worker, timeout=HALF_A_MINUTE)
    return lambda: cdk.AsyncRequestApi(stack, "Reports", props)


def of_gateway(stack: Stack) -> Maker:
    props = cdk.RequestGatewayProps(
        name="reports", table=requests_table(stack), results=cdk.ResultBucket(stack, "Results")
    )
    return lambda: cdk.RequestGateway(stack, "Gateway", props)


def of_pipe(stack: Stack) -> Maker:
    props = cdk.RequestPipeProps(
        table=requests_table(stack),
        key_scope="reports",
        channel=channel(stack),
        dead_letter_notifier=cdk.DeadLetterNotifier(stack, "Notifier"),
    )
    return lambda: cdk.RequestPipe(stack, "Pipe", props)


def of_request_sweeper(stack: Stack) -> Maker:
    props = cdk.RequestSweeperProps(
        table=requests_table(stack),
        key_scope="reports",
        channel=channel(stack),
        deadline=Duration.hours(1),
        idempotency_window=Duration.days(23),
        dead_letter_notifier=cdk.DeadLetterNotifier(stack, "Notifier"),
    )
    return lambda: cdk.RequestSweeper(stack, "Sweeper", props)


def of_events(stack: Stack) -> Maker:
    notifier = cdk.DeadLetterNotifier(stack, "Notifier")
    props = cdk.EventInvocationProps(function=handler(stack).function, dead_letter_notifier=notifier)
    return lambda: cdk.EventInvocation(stack, "Events", props)


def of_web_api(stack: Stack) -> Maker:
    props = cdk.WebApiProps(function=handler(stack).function)
    return lambda: cdk.WebApi(stack, "Api", props)


def of_web_and_queue(stack: Stack) -> Maker:
    function = ReceiverSettings(package=package(), max_concurrency=2)
    props = cdk.ApiAndQueueFunctionProps(function=function)
    return lambda: cdk.ApiAndQueueFunction(stack, "Shop", props)


def of_dashboard(stack: Stack) -> Maker:
    props = cdk.FlowDashboardProps(flows=[receiver(stack)])
    return lambda: cdk.FlowDashboard(stack, "Dashboard", props)


def of_alarms(stack: Stack) -> Maker:
    props = cdk.FlowAlarmsProps(flows=[receiver(stack)])
    return lambda: cdk.FlowAlarms(stack, "Alarms", props)


def of_access(stack: Stack) -> Maker:
    receiver(stack)
    return lambda: cdk.OperatorAccess(stack, "Access")


def of_endpoints(stack: Stack) -> Maker:
    isolated = ec2.SubnetConfiguration(name="isolated", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)
    vpc = ec2.Vpc(stack, "Vpc", nat_gateways=0, max_azs=2, subnet_configuration=[isolated])
    subnets = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)
    props = cdk.PrivateEndpointsProps(network=cdk.Network(vpc=vpc, subnets=subnets))
    return lambda: cdk.PrivateEndpoints(stack, "Endpoints", props)


STACKS: Mapping[str, Callable[[Stack], Maker]] = {
    "ApiAndQueueFunction": of_web_and_queue,
    "AsyncRequestApi": of_request_api,
    "ClaimCheckBucket": of_bucket,
    "Connector": of_connector,
    "CustomerManagedKey": of_key,
    "DeadLetterNotifier": of_notifier,
    "EventInvocation": of_events,
    "FlowAlarms": of_alarms,
    "FlowDashboard": of_dashboard,
    "HandlerFunction": of_handler,
    "IdempotencyTable": of_table,
    "IdempotentReceiver": of_receiver,
    "NativeStateMachine": of_machine,
    "OperatorAccess": of_access,
    "PrivateEndpoints": of_endpoints,
    "QueueChannel": of_channel,
    "RequestGateway": of_gateway,
    "RequestPipe": of_pipe,
    "RequestSweeper": of_request_sweeper,
    "ResultBucket": of_results,
    "RunSweeper": of_run_sweeper,
    "ServicePipeline": of_pipeline,
    "SingleFlightSchedule": of_schedule,
    "TopicChannel": of_topic,
    "TopicSubscription": of_subscription,
    "WebApi": of_web_api,
}


@dataclass(frozen=True, slots=True)
class Synthesized:
    """The template of a small stack.

    Attributes:
        folder: The cloud assembly.
        paths: Paths of the resources that came with the construct, below the construct, by logical id.
        every_resource: What the stack has, by logical id.
    """

    folder: Path
    paths: Mapping[str, str]
    every_resource: Mapping[str, Any]

    @property
    def resources(self) -> Mapping[str, Any]:
        """What came with the construct, by logical id."""
        return {name: found for name, found in self.every_resource.items() if name in self.paths}


@functools.cache
def synthesized() -> Mapping[str, Synthesized]:
    """Synthesize all small stacks as one app; return them by the name of the construct."""
    app = new_app(context=json.loads((PROJECT / "cdk.json").read_text())["context"], analytics_reporting=False)
    made = {name: _made(Stack(app, name), of) for name, of in STACKS.items()}
    folder = Path(app.synth().directory)
    return {name: Synthesized(folder, paths, _template(folder, name)["Resources"]) for name, paths in made.items()}


def _template(folder: Path, stack: str) -> Mapping[str, Any]:
    read: Mapping[str, Any] = json.loads((folder / f"{stack}.template.json").read_text(encoding="utf-8"))
    return read


def _made(stack: Stack, of: Callable[[Stack], Maker]) -> Mapping[str, str]:
    """Make a construct; return the paths below it of the resources that came with it, by logical id."""
    make = of(stack)
    before = _paths(stack).keys()
    base = make().node.path
    return {name: _below(path, base) for name, path in _paths(stack).items() if name not in before}


def _paths(stack: Stack) -> dict[str, str]:
    resources = [each for each in stack.node.find_all() if isinstance(each, CfnResource)]
    return {str(stack.resolve(each.logical_id)): each.node.path for each in resources}


def _below(path: str, base: str) -> str:
    path = path.removesuffix("/Resource")
    return path.removeprefix(f"{base}/") if path.startswith(f"{base}/") else path.partition("/")[2]
