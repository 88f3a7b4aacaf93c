"""When the alarms of a dead-letter notifier are raised: thresholds, minutes, topics, and which are left out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from aws_cdk import Duration
from aws_cdk import aws_sns as sns

from tsunagu.cdk.constructs.function_alarms import AT_ONCE, MINUTES, OFTEN, AlarmRule
from tsunagu.cdk.constructs.ranges import DAY_SECONDS
from tsunagu.cdk.props import Between, CheckedProps, Seconds

AGE_SECONDS = range(1, 14 * DAY_SECONDS + 1)  # a queue keeps a message for 14 days


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeRule(CheckedProps):
    """When an alarm on the age of the oldest message is raised.

    Attributes:
        age: Age from which it is raised, 1 second to 14 days. Default: a quarter of the retention of the queue, so that
            three quarters are left to repair the consumer.
        minutes: Minutes in a row in which the message is so old, 1 to 1,440. Default: 1.

    Raises:
        InvalidPropsError: A number is out of range.
    """

    age: Annotated[Duration, Seconds(AGE_SECONDS)] | None = None
    minutes: Annotated[int, Between(MINUTES, "minutes")] = 1

    def threshold(self, retention: Duration) -> int:
        """Return the age in seconds, for a queue with this retention."""
        return int(self.age.to_seconds()) if self.age is not None else int(retention.to_seconds()) // 4


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagingAlarms(CheckedProps):
    """Alarms that a dead-letter notifier creates for what it watches. None leaves an alarm out.

    What needs other rules gets a notifier of its own, on the same topic: `DeadLetterNotifierProps(existing=…)`.

    Attributes:
        dead_letters: Messages in a dead-letter queue. Default: at the first.
        undelivered: Messages that SNS could not deliver. Default: at the first.
        message_age: Messages that wait too long. Default: for a quarter of their retention.
        configuration_faults: Calls that no retry mends. The alarm stays for the longest pause of a message that waits
            for the repair, or for the minutes of the rule if these are more. Default: at the first.
        failures_after_commit: Work that was committed, and what should follow was not done. Default: at the first.
        failed_runs: Invocations of a scheduled function that fail, at a tick where the rule says minute. Default: at
            three ticks of five.
        missing_runs: Ticks without an invocation of a scheduled function; the threshold does not count. Default: at
            three ticks of five.
        pipe_failures: Executions of a pipe that fail. Default: in three minutes of five.
        server_errors: Answers of an API with a status of 500 and above. Default: in three minutes of five.
        more_topics: Topics that get these alarms too. An imported topic and its key must let CloudWatch publish.
            Default: none.
    """

    dead_letters: AlarmRule | None = AT_ONCE
    undelivered: AlarmRule | None = AT_ONCE
    message_age: AgeRule | None = AgeRule()
    configuration_faults: AlarmRule | None = AT_ONCE
    failures_after_commit: AlarmRule | None = AT_ONCE
    failed_runs: AlarmRule | None = OFTEN
    missing_runs: AlarmRule | None = OFTEN
    pipe_failures: AlarmRule | None = OFTEN
    server_errors: AlarmRule | None = OFTEN
    more_topics: Sequence[sns.ITopic] = ()


ALL_MESSAGING_ALARMS = MessagingAlarms()
