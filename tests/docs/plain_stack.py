"""A stack of a team that does not use the library: its dead letters have three origins."""

from pathlib import Path

from aws_cdk import App, CfnOutput, Duration, Stack
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_destinations as destinations
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs

STACK_NAME = "Plain"
# It refuses what is marked, until a variable of its environment says that it is repaired.
CODE = """
import json, os

def handler(event, context):
    bodies = [json.loads(r["body"]) for r in event["Records"]] if "Records" in event else [event]
    if any(body.get("poison") for body in bodies) and not os.environ.get("REPAIRED"):
        raise ValueError("poison")
"""


class PlainStack(Stack):
    """A queue with a consumer, a topic with a queue that is gone, and a function with an on-failure destination."""

    def __init__(self, scope: App) -> None:
        super().__init__(scope, STACK_NAME)
        self._queue()
        self._topic()
        self._function()

    def _queue(self) -> None:
        dead = sqs.Queue(self, "JobsDead")
        queue = sqs.Queue(
            self,
            "Jobs",
            visibility_timeout=Duration.seconds(3),
            dead_letter_queue=sqs.DeadLetterQueue(queue=dead, max_receive_count=1),
        )
        worker = self._handler("Worker", timeout=Duration.seconds(3))
        worker.add_event_source(sources.SqsEventSource(queue, batch_size=1))
        self._output("JobsUrl", queue.queue_url)
        self._output("JobsDeadUrl", dead.queue_url)
        self._output("WorkerName", worker.function_name)

    def _topic(self) -> None:
        topic, queue, dead = sns.Topic(self, "News"), sqs.Queue(self, "Reader"), sqs.Queue(self, "NewsDead")
        topic.add_subscription(subscriptions.SqsSubscription(queue, raw_message_delivery=True, dead_letter_queue=dead))
        self._output("NewsArn", topic.topic_arn)
        self._output("ReaderUrl", queue.queue_url)
        self._output("NewsDeadUrl", dead.queue_url)

    def _function(self) -> None:
        failed = sqs.Queue(self, "Failed")
        nightly = self._handler(
            "Nightly", timeout=Duration.seconds(3), retry_attempts=0, on_failure=destinations.SqsDestination(failed)
        )
        self._output("FailedUrl", failed.queue_url)
        self._output("NightlyName", nightly.function_name)

    def _handler(self, name: str, **settings: object) -> lambda_.Function:
        return lambda_.Function(
            self,
            name,
            runtime=lambda_.Runtime.PYTHON_3_13,
            handler="index.handler",
            code=lambda_.Code.from_inline(CODE),
            **settings,  # type: ignore[arg-type]
        )

    def _output(self, name: str, value: str) -> None:
        CfnOutput(self, name, value=value)


def synthesize_plain(output: Path) -> Path:
    """Write the cloud assembly of the stack into the folder `output`."""
    context = {"aws:cdk:enable-path-metadata": True}  # as the CDK CLI sets it: the command reads names from the paths
    app = App(outdir=str(output), context=context, analytics_reporting=False, builtin_cloud_formation_validation=False)
    PlainStack(app)
    return Path(app.synth().directory)
