"""What the examples of the documents take for granted: names that a reader has, with their types."""

from aws_cdk import App, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns

from tsunagu.cdk import DeadLetterNotifier, IdempotencyTable, IdempotentReceiver, QueueChannel

TABLE: str
QUEUE_URL: str

self: Stack
app: App
function: lambda_.Function
role: iam.Role
producer: lambda_.Function
queue: QueueChannel
channel: QueueChannel
orders: QueueChannel
table: dynamodb.TableV2
invoices_table: dynamodb.TableV2
orders_table: dynamodb.TableV2
prices: dynamodb.TableV2
notifier: DeadLetterNotifier
requests: IdempotencyTable
receiver: IdempotentReceiver
team_topic: sns.Topic
vpc: ec2.Vpc
