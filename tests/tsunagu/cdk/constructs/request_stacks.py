"""Stacks with what accepted requests need: a table, a channel, a pipe and a sweeper."""

from dataclasses import dataclass
from typing import Any

from aws_cdk import Duration, Stack
from aws_cdk import aws_lambda as lambda_

from tsunagu.cdk.constructs.dead_letter_notifier import DeadLetterNotifier
from tsunagu.cdk.constructs.event_invocation import EventInvocation, EventInvocationProps
from tsunagu.cdk.constructs.idempotency_table import IdempotencyTable, IdempotencyTableProps
from tsunagu.cdk.constructs.queue_channel import QueueChannel, QueueChannelProps
from tsunagu.cdk.constructs.request_pipe import RequestPipe, RequestPipeProps
from tsunagu.cdk.constructs.request_sweeper import RequestSweeper, RequestSweeperProps

SCOPE = "reports"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What pipe and sweeper use."""

    stack: Stack
    table: IdempotencyTable
    channel: QueueChannel
    notifier: DeadLetterNotifier

    @classmethod
    def of(cls, stack: Stack, **channel: Any) -> "Parts":
        return cls(
            stack=stack,
            table=IdempotencyTable(stack, "Items", IdempotencyTableProps(requests=True)),
            channel=QueueChannel(
                stack, "Channel", QueueChannelProps(**{"handler_timeout": Duration.seconds(30), **channel})
            ),
            notifier=DeadLetterNotifier(stack, "Told"),
        )

    def pipe(self, **settings: Any) -> RequestPipe:
        props = {"table": self.table, "key_scope": SCOPE, "channel": self.channel, **settings}
        return RequestPipe(self.stack, "Pipe", RequestPipeProps(**props))

    def sweeper_props(self, **settings: Any) -> RequestSweeperProps:
        props = {
            "table": self.table,
            "key_scope": SCOPE,
            "dead_letter_notifier": self.notifier,
            "deadline": Duration.hours(1),
            "idempotency_window": Duration.days(23),
            "channel": self.channel,
            **settings,
        }
        return RequestSweeperProps(**props)

    def sweeper(self, **settings: Any) -> RequestSweeper:
        return RequestSweeper(self.stack, "Sweeper", self.sweeper_props(**settings))

    def events(self, **settings: Any) -> EventInvocation:
        code = lambda_.Code.from_inline("def handler(event, context): ...")
        runtime = lambda_.Runtime.PYTHON_3_13
        function = lambda_.Function(self.stack, "Worker", code=code, handler="index.handler", runtime=runtime)
        return EventInvocation(self.stack, "Events", EventInvocationProps(function=function, **settings))
