"""Asynchronous invocations of a function: retries, maximum age, and a queue of the events that Lambda gives up."""

from dataclasses import dataclass
from typing import Annotated

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from tsunagu.cdk.constructs.acknowledgement import acknowledge
from tsunagu.cdk.constructs.checked_construct import CheckedConstruct
from tsunagu.cdk.constructs.dead_letter_notifier import DeadLetterNotifier
from tsunagu.cdk.constructs.flow_metadata import mark
from tsunagu.cdk.constructs.grants import Grantor
from tsunagu.cdk.constructs.key_access import RECEIVE_ACTIONS, SEND_ACTIONS, CustomerKey
from tsunagu.cdk.constructs.protection import removal_policy
from tsunagu.cdk.constructs.queue_channel import DATA_KEY_REUSE, DEAD_LETTER_RETENTION
from tsunagu.cdk.constructs.snap_start import qualifier_of
from tsunagu.cdk.props import Between, CheckedProps, Seconds
from tsunagu.contracts.flows import Kind

# https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
RETRIES = range(3)
MAXIMUM_AGE_SECONDS = range(60, 21_601)
MAXIMUM_AGE = Duration.hours(6)

Retries = Annotated[int, Between(RETRIES)]
MaximumAge = Annotated[Duration, Seconds(MAXIMUM_AGE_SECONDS)]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventInvocationProps(CheckedProps):
    """Settings of asynchronous invocations.

    Attributes:
        function: The function; or its alias, where it is invoked by one: `target` of a `HandlerFunction`.
        retries: How often Lambda tries again when the function fails, 0 to 2. Default: 2, after one and two minutes.
        maximum_age: How long Lambda keeps an event that it cannot start, or that failed, 60 seconds to 6 hours.
            Default: 6 hours.
        key: Customer-managed key of the queue. Default: SQS's own key (SSE-SQS), without a charge.
        dead_letter_notifier: Gets an alarm on events that Lambda gave up. Default: no alarm.
        protect: Keep the queue when its stack is deleted. Default: it is kept.

    Raises:
        InvalidPropsError: A number is out of range, or the key is not customer-managed.
    """

    function: lambda_.IFunction
    retries: Retries = 2
    maximum_age: MaximumAge = MAXIMUM_AGE
    key: CustomerKey | None = None
    dead_letter_notifier: DeadLetterNotifier | None = None
    protect: bool = True


class EventInvocation(CheckedConstruct):
    """Let Lambda retry the events of a function, and keep those that it gives up for 14 days.

    Attributes:
        dead_letter_queue: Queue of the events that Lambda gave up, each with why.
        config: How Lambda invokes the function asynchronously.
        props: Settings of the invocations.
    """

    def __init__(self, scope: Construct, construct_id: str, props: EventInvocationProps) -> None:
        super().__init__(scope, construct_id)
        self.props = props
        self.dead_letter_queue = self._queue(props)
        self._grant(props.function, "sqs:SendMessage", key_actions=SEND_ACTIONS)
        function_name, qualifier = qualifier_of(props.function)
        self.config = lambda_.CfnEventInvokeConfig(
            self,
            "Config",
            function_name=function_name,
            qualifier=qualifier,
            maximum_retry_attempts=props.retries,
            maximum_event_age_in_seconds=int(props.maximum_age.to_seconds()),
            destination_config=lambda_.CfnEventInvokeConfig.DestinationConfigProperty(
                on_failure=lambda_.CfnEventInvokeConfig.OnFailureProperty(destination=self.dead_letter_queue.queue_arn)
            ),
        )
        if props.function.role is not None:
            self.config.node.add_dependency(props.function.role)  # it is created only if the role may send
        if isinstance(props.function, lambda_.Alias):
            self.config.node.add_dependency(props.function)  # the qualifier is a name, and no reference
        if props.dead_letter_notifier is not None:
            props.dead_letter_notifier.watch_dead_letter_queue(
                self, self.dead_letter_queue, "was given up by Lambda, or could not be processed"
            )

    def grant_look_at_dead_letters(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` look at the events and make them visible again, but not delete them."""
        return self._grant(grantee, "sqs:ReceiveMessage", "sqs:ChangeMessageVisibility", key_actions=RECEIVE_ACTIONS)

    def _grant(self, grantee: iam.IGrantable, *actions: str, key_actions: tuple[str, ...]) -> iam.Grant:
        grantor = Grantor(self, self.dead_letter_queue, self.props.key)
        return grantor.grant(grantee, actions, self.dead_letter_queue.queue_arn, key_actions=key_actions)

    def _queue(self, props: EventInvocationProps) -> sqs.Queue:
        queue = sqs.Queue(
            self,
            "DeadLetterQueue",
            retention_period=DEAD_LETTER_RETENTION,
            enforce_ssl=True,
            removal_policy=removal_policy(protect=props.protect),
            encryption=sqs.QueueEncryption.KMS if props.key else sqs.QueueEncryption.SQS_MANAGED,
            encryption_master_key=props.key,
            data_key_reuse=DATA_KEY_REUSE if props.key else None,
        )
        reason = "it is the dead-letter queue: nothing is behind it"
        for rule in ("AwsSolutions-SQS3", "Serverless-SQSRedrivePolicy"):
            acknowledge(queue, rule, reason)
        mark(queue, Kind.DEAD_LETTERS, self, protected=props.protect)
        return queue
