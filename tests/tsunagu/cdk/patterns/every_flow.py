"""One of each construct that dashboards and alarms take."""

from collections.abc import Mapping

from aws_cdk import Duration, Stack
from aws_cdk import aws_scheduler as scheduler

from tsunagu.cdk import (
    ApiAndQueueFunction,
    ApiAndQueueFunctionProps,
    AsyncRequestApi,
    AsyncRequestApiProps,
    Connector,
    ConnectorProps,
    DeadLetterNotifier,
    FlowMetrics,
    HandlerFunctionProps,
    HandlerPackage,
    IdempotentReceiver,
    IdempotentReceiverProps,
    QueueChannel,
    QueueChannelProps,
    ReceiverSettings,
    Service,
    ServicePipeline,
    ServicePipelineProps,
    SingleFlightSchedule,
    SingleFlightScheduleProps,
    Step,
)

FIVE = Duration.seconds(5)


def receiver(stack: Stack, package: HandlerPackage, name: str = "Orders") -> IdempotentReceiver:
    channel = QueueChannel(stack, f"{name}Channel", QueueChannelProps(handler_timeout=FIVE))
    return IdempotentReceiver(stack, name, IdempotentReceiverProps(package=package, channel=channel))


def lone_channel(stack: Stack) -> QueueChannel:
    return QueueChannel(stack, "Audit", QueueChannelProps(handler_timeout=FIVE, retention=Duration.days(1)))


def pipeline(stack: Stack, package: HandlerPackage, services: int = 2) -> ServicePipeline:
    props = ServicePipelineProps(
        name="orders",
        preprocessor=HandlerFunctionProps(package=package, timeout=FIVE),
        steps=[Step(name="reserve", services=[Service(package=package, name=f"s{each}") for each in range(services)])],
    )
    return ServicePipeline(stack, "Pipeline", props)


def api(stack: Stack, package: HandlerPackage, delivery: str = "queue") -> AsyncRequestApi:
    worker = ReceiverSettings(package=package)
    props = AsyncRequestApiProps(name=delivery.replace("_", "-"), worker=worker, timeout=FIVE, delivery=delivery)  # type: ignore[arg-type]
    return AsyncRequestApi(stack, f"Requests{delivery}", props)


def schedule(stack: Stack, package: HandlerPackage) -> SingleFlightSchedule:
    rate = scheduler.ScheduleExpression.rate(Duration.minutes(1))
    props = SingleFlightScheduleProps(package=package, job="sync", schedule=rate, handler_timeout=Duration.minutes(5))
    return SingleFlightSchedule(stack, "Sync", props)


def every_flow(stack: Stack, package: HandlerPackage) -> Mapping[str, FlowMetrics]:
    """Return one of each, by its class; of requests, one for each delivery."""
    services = [Service(package=package, name="billing"), Service(package=package, name="stock")]
    web = ApiAndQueueFunctionProps(
        function=ReceiverSettings(package=package, max_concurrency=2, reserved_concurrency=12)
    )
    return {
        "IdempotentReceiver": receiver(stack, package),
        "QueueChannel": lone_channel(stack),
        "DeadLetterNotifier": DeadLetterNotifier(stack, "Notifier"),
        "Connector": Connector(stack, "Connector", ConnectorProps(services=services)),
        "ServicePipeline": pipeline(stack, package),
        "SingleFlightSchedule": schedule(stack, package),
        "AsyncRequestApi": api(stack, package),
        "AsyncRequestApi of events": api(stack, package, "lambda_event"),
        "ApiAndQueueFunction": ApiAndQueueFunction(stack, "Web", web),
    }
