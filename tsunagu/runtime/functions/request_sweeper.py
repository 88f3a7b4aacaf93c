"""The sweeper of requests as a Lambda function, with its AWS clients. A schedule invokes it each minute."""

import functools
import os
from dataclasses import dataclass

from tsunagu.runtime.startup import without_collection

with without_collection():
    from tsunagu.contracts.request_sweeper import RequestSweeperEnvironment
    from tsunagu.runtime import telemetry
    from tsunagu.runtime.aws.clients import LazyClients, client_config, dynamodb_client
    from tsunagu.runtime.aws.dead_letter_view import SqsDeadLetterView
    from tsunagu.runtime.aws.open_requests import DynamoDbOpenRequests
    from tsunagu.runtime.aws.outbox import AwsOutboxSender
    from tsunagu.runtime.aws.queue_age import CloudWatchQueueAge
    from tsunagu.runtime.aws.single_writes import SingleWriteItemStore
    from tsunagu.runtime.aws.sns import SnsTopicSender
    from tsunagu.runtime.aws.sqs import SqsQueueSender
    from tsunagu.runtime.aws.tasks import StepFunctionsTasks
    from tsunagu.runtime.aws.unsent_requests import DynamoDbUnsentRequests
    from tsunagu.runtime.clock import Clock, SystemClock, new_jitter, new_owner
    from tsunagu.runtime.errors import UnavailableError
    from tsunagu.runtime.functions import wiring
    from tsunagu.runtime.receiving.receiver import LambdaContext
    from tsunagu.runtime.requests.outbox_sweeper import OutboxSweeper, OutboxSweeperConfig, OutboxSweeperPorts
    from tsunagu.runtime.requests.sweep_rules import SweepRules
    from tsunagu.runtime.requests.sweeper import Sweeper, SweeperPorts

Counts = dict[str, int]


@dataclass(frozen=True, slots=True)
class DeployedSweeper:
    """The sweeper of a function that `RequestSweeper` deployed.

    Attributes:
        sweeper: The sweeper.
        clock: The time.
    """

    sweeper: Sweeper | OutboxSweeper
    clock: Clock

    def run(self, context: LambdaContext) -> Counts:
        """Run once, until all is looked at or the time is over.

        Raises:
            UnavailableError: A call failed. What it was for is due in the next run.
        """
        report = self.sweeper.run(self.clock.now_ms() + context.get_remaining_time_in_millis())
        if report.problem is not None:
            msg = f"the sweep is incomplete: {report.problem}"
            raise UnavailableError(msg, call=report.problem)
        return {
            "looked_at": report.looked_at,
            "failed": report.failed,
            "resent": report.resent,
            "closed": report.closed,
        }


@without_collection()
def request_sweeper() -> DeployedSweeper:
    """Build the sweeper of a function that `RequestSweeper` deployed. Call it once per process.

    Raises:
        EnvironmentContractError: An environment variable is missing or wrong.
    """
    with wiring.loud_start():
        environment = RequestSweeperEnvironment.from_environment(os.environ)
    telemetry.configure(f"{environment.request_scope}-sweeper")
    clock = SystemClock()
    build = _outbox_sweeper if environment.sends_outboxes else _sweeper
    return DeployedSweeper(build(environment, clock), clock)


def _sweeper(environment: RequestSweeperEnvironment, clock: Clock) -> Sweeper:
    scope = environment.request_scope
    config = client_config(environment.function_timeout_seconds)
    clients, topic, queue = LazyClients(config), environment.completion_topic_arn, environment.queue_url
    rules = SweepRules(
        deadline_seconds=environment.deadline_seconds,
        resend_after_seconds=environment.resend_after_seconds,
        visibility_timeout_seconds=environment.visibility_timeout_seconds,
        window_seconds=environment.idempotency_window_seconds,
        has_queue=bool(queue),
        publishes=bool(topic),
    )
    ports = SweeperPorts(
        records=DynamoDbOpenRequests(dynamodb_client(config), environment.idempotency_table_name),
        queue=SqsQueueSender(clients.sqs, queue, clock) if queue else None,
        queue_age=CloudWatchQueueAge(clients.cloudwatch, queue, clock),
        completions=SnsTopicSender(clients.sns, topic, clock) if topic else None,
        letters=SqsDeadLetterView(clients.sqs, environment.dead_letter_queue_url),
        metrics=wiring.metrics(environment.metrics_namespace, f"{scope}-sweeper", clock),
        clock=clock,
        rng=new_jitter(),  # the order of partitions
    )
    return Sweeper(scope, rules, ports, max_receive_count=environment.max_receive_count)


def _outbox_sweeper(environment: RequestSweeperEnvironment, clock: Clock) -> OutboxSweeper:
    scope, table_name = environment.request_scope, environment.idempotency_table_name
    config = client_config(environment.function_timeout_seconds)
    clients, dynamodb = LazyClients(config), dynamodb_client(config)
    ports = OutboxSweeperPorts(
        unsent=DynamoDbUnsentRequests(dynamodb, table_name),
        store=SingleWriteItemStore(dynamodb, table_name),
        outbox=AwsOutboxSender(clients.sqs, clients.sns, StepFunctionsTasks(clients.sfn), clock),
        metrics=wiring.metrics(environment.metrics_namespace, f"{scope}-sweeper", clock),
        clock=clock,
        new_owner=new_owner,
        rng=new_jitter(),  # the order of partitions
    )
    names = OutboxSweeperConfig(
        scope=scope, place=environment.web_place, window_seconds=environment.idempotency_window_seconds
    )
    return OutboxSweeper(names, ports)


_cached_sweeper = functools.cache(request_sweeper)


def request_sweeper_handler(_event: object, context: LambdaContext) -> Counts:
    """Look at the requests that are due: the Lambda handler of a sweeper, which `RequestSweeper` deploys.

    Returns:
        How many requests it looked at, ended as failed, sent again, and took out of the index.

    Raises:
        EnvironmentContractError: An environment variable is missing or wrong.
        UnavailableError: A call failed. What it was for is due in the next run.
    """
    return _cached_sweeper().run(context)
