"""An app that records each invoice once, even if the queue delivers it twice."""

from pathlib import Path

from aws_cdk import App, CfnOutput, Duration, Stack
from aws_cdk import aws_dynamodb as dynamodb
from invoices.environment import InvoicesEnvironment

from tsunagu.cdk import HandlerPackage, IdempotentReceiver, IdempotentReceiverProps, QueueChannel, QueueChannelProps


class InvoicesStack(Stack):
    """A standard queue, and a function that records its invoices in a table."""

    def __init__(self, scope: App, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        table = dynamodb.TableV2(
            self,
            "InvoicesTable",
            partition_key=dynamodb.Attribute(name="number", type=dynamodb.AttributeType.STRING),
        )
        channel = QueueChannel(self, "Channel", QueueChannelProps(handler_timeout=Duration.seconds(10)))
        receiver = IdempotentReceiver(
            self,
            "Receiver",
            IdempotentReceiverProps(
                package=HandlerPackage(path=Path(__file__).parent / "invoices"),
                environment=[InvoicesEnvironment(invoices_table_name=table.table_name)],
                channel=channel,
            ),
        )
        table.grant(receiver.handler.function, "dynamodb:PutItem")
        CfnOutput(self, "QueueUrl", value=channel.queue.queue_url)


app = App()
InvoicesStack(app, "Invoices")
app.synth()
