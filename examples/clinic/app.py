"""A clinic: lab results from a queue, admissions through a pipeline, and reminders as a scheduled job."""

from pathlib import Path

from aws_cdk import App, CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_scheduler as scheduler
from desk.environment import ClinicEnvironment

from tsunagu.cdk import (
    HandlerFunctionProps,
    HandlerPackage,
    IdempotentReceiver,
    IdempotentReceiverProps,
    QueueChannel,
    QueueChannelProps,
    Service,
    ServicePipeline,
    ServicePipelineProps,
    SingleFlightSchedule,
    SingleFlightScheduleProps,
    Step,
)

TIMEOUT = Duration.seconds(5)


class ClinicStack(Stack):
    """Three flows over one table of the clinic."""

    def __init__(self, scope: App, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        key = dynamodb.Attribute(name="id", type=dynamodb.AttributeType.STRING)
        self._table = dynamodb.TableV2(self, "Table", partition_key=key, removal_policy=RemovalPolicy.DESTROY)
        self._environment = [ClinicEnvironment(clinic_table_name=self._table.table_name)]
        self._results()
        self._admissions()
        self._reminders()
        CfnOutput(self, "ClinicTableName", value=self._table.table_name)

    def _results(self) -> None:
        channel = QueueChannel(self, "ResultsChannel", QueueChannelProps(handler_timeout=TIMEOUT, protect=False))
        props = IdempotentReceiverProps(
            package=self._handler("results"),
            environment=self._environment,
            channel=channel,
            protect=False,
        )
        receiver = IdempotentReceiver(self, "ResultsReceiver", props)
        self._table.grant(receiver.handler.function, "dynamodb:PutItem")

    def _admissions(self) -> None:
        preprocessor = HandlerFunctionProps(
            package=self._handler("admissions"), timeout=Duration.seconds(20), protect=False
        )
        props = ServicePipelineProps(
            name="admission",
            preprocessor=preprocessor,
            steps=[
                Step(name="check", services=[self._service("insurance"), self._service("bed")]),
                Step(name="admit", services=[self._service("ward")]),
            ],
            protect=False,
        )
        services = ServicePipeline(self, "Admission", props).services
        self._table.grant(services["insurance"].receiver.handler.function, "dynamodb:GetItem")
        self._table.grant(services["ward"].receiver.handler.function, "dynamodb:PutItem")

    def _reminders(self) -> None:
        props = SingleFlightScheduleProps(
            package=self._handler("reminders"),
            environment=self._environment,
            job="reminders",
            schedule=scheduler.ScheduleExpression.cron(hour="6", minute="0"),
            handler_timeout=Duration.seconds(30),
            protect=False,
        )
        schedule = SingleFlightSchedule(self, "Reminders", props)
        self._table.grant(schedule.receiver.handler.function, "dynamodb:PutItem")

    def _service(self, name: str) -> Service:
        return Service(
            name=name,
            package=self._handler(name),
            environment=self._environment,
            handler_timeout=TIMEOUT,
            protect=False,
        )

    @staticmethod
    def _handler(module: str) -> HandlerPackage:
        return HandlerPackage(path=Path(__file__).parent / "desk", handler=f"{module}.handler")


app = App()
ClinicStack(app, "Clinic")
app.synth()
