"""A stack of another team, without this library: four dead-letter queues that AWS's services write to."""

import json
from pathlib import Path

from aws_cdk import App, CfnOutput, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_destinations as destinations
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs

STACK_NAME = "plain"
MAX_RECEIVE_COUNT = 2
BROKEN = "BROKEN"  # the variable that a function fails with
CODE = f"""
import json, os, boto3

def handler(event, context):
    if os.environ["{BROKEN}"] == "yes":
        raise ValueError("bill " + str(len(json.dumps(event))) + " cannot be paid")
    texts = [record["body"] for record in event["Records"]] if "Records" in event else [json.dumps(event)]
    for text in texts:
        boto3.client("sqs").send_message(QueueUrl=os.environ["DONE_URL"], MessageBody=text)
"""


class PlainStack(Stack):
    """A queue with a function, a subscription, a function with a destination and one with a dead-letter queue."""

    def __init__(self, scope: App) -> None:
        super().__init__(scope, STACK_NAME)
        self._done = sqs.Queue(self, "Done")
        CfnOutput(self, "DoneUrl", value=self._done.queue_url)
        self._queue_and_function()
        self._subscription()
        self._function("Billed", on_failure=destinations.SqsDestination(self._dead("BilledDead")), max_attempts=0)
        self._function("Mailed", dead_letter_queue=self._dead("MailedDead"), max_attempts=0)

    def _queue_and_function(self) -> None:
        dead = self._dead("OrdersDead")
        policy = sqs.DeadLetterQueue(queue=dead, max_receive_count=MAX_RECEIVE_COUNT)
        orders = sqs.Queue(self, "Orders", dead_letter_queue=policy, visibility_timeout=Duration.seconds(6))
        CfnOutput(self, "OrdersUrl", value=orders.queue_url)
        worker = self._function("Worker")
        worker.add_event_source(sources.SqsEventSource(orders, batch_size=1))

    def _subscription(self) -> None:
        stock, topic = sqs.Queue(self, "Stock"), sns.Topic(self, "Sales")
        dead = self._dead("SalesDead")
        dead.add_to_resource_policy(_from_topic(dead, topic))
        # Without a policy of the queue, so that SNS cannot deliver.
        sns.CfnSubscription(
            self,
            "Subscription",
            topic_arn=topic.topic_arn,
            protocol="sqs",
            endpoint=stock.queue_arn,
            redrive_policy={"deadLetterTargetArn": dead.queue_arn},
        )
        CfnOutput(self, "StockUrl", value=stock.queue_url)
        CfnOutput(self, "TopicArn", value=topic.topic_arn)

    def _dead(self, name: str) -> sqs.Queue:
        queue = sqs.Queue(self, name)
        CfnOutput(self, f"{name}Url", value=queue.queue_url)
        return queue

    def _function(
        self,
        name: str,
        *,
        on_failure: destinations.SqsDestination | None = None,
        dead_letter_queue: sqs.Queue | None = None,
        max_attempts: int | None = None,
    ) -> lambda_.Function:
        function = lambda_.Function(
            self,
            name,
            runtime=lambda_.Runtime.PYTHON_3_13,
            handler="index.handler",
            code=lambda_.Code.from_inline(CODE),
            environment={BROKEN: "yes", "DONE_URL": self._done.queue_url},
            timeout=Duration.seconds(5),
            on_failure=on_failure,
            dead_letter_queue=dead_letter_queue,
            retry_attempts=max_attempts,
        )
        self._done.grant_send_messages(function)
        CfnOutput(self, f"{name}Name", value=function.function_name)
        return function


def _from_topic(queue: sqs.Queue, topic: sns.Topic) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        actions=["sqs:SendMessage"],
        resources=[queue.queue_arn],
        principals=[iam.ServicePrincipal("sns.amazonaws.com")],
        conditions={"ArnEquals": {"aws:SourceArn": topic.topic_arn}},
    )


def synthesize_plain(output: Path) -> Path:
    """Write the cloud assembly of the stack into the folder `output`."""
    app = App(outdir=str(output), analytics_reporting=False, context=_context())
    PlainStack(app)
    return Path(app.synth().directory)


def _context() -> dict[str, object]:
    context: dict[str, object] = json.loads((Path(__file__).parents[2] / "cdk.json").read_text())["context"]
    flags = {name: value for name, value in context.items() if name.startswith("@aws-cdk")}
    return {**flags, "aws:cdk:enable-path-metadata": True}  # as the CDK's command sets it
