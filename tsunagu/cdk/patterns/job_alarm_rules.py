"""When the alarms of a scheduled job are raised."""

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import aws_sns as sns

from tsunagu.cdk.constructs.function_alarms import AT_ONCE, AlarmRule
from tsunagu.cdk.props import CheckedProps


@dataclass(frozen=True, slots=True, kw_only=True)
class JobAlarmRules(CheckedProps):
    """Alarms on the executions of a job. None or False leaves one out.

    Attributes:
        run_failed: Executions that failed. Default: at the first.
        run_timed_out: Executions that timed out. Default: at the first.
        run_aborted: Executions that were aborted. Default: at the first.
        lease_not_released: Leases of ended executions that were not released. Default: at the first.
        not_started: Ticks, and ends of executions, that could not be started. Default: at the first.
        run_too_long: Whether there is an alarm on an execution that takes longer than `run_alarm_after`. Default: yes.
        no_success: Whether there is an alarm on no success for `success_alarm_after`. Default: yes.
        more_topics: Topics that get these alarms, besides that of the notifications. Default: none.

    Raises:
        InvalidPropsError: A number is out of range.
    """

    run_failed: AlarmRule | None = AT_ONCE
    run_timed_out: AlarmRule | None = AT_ONCE
    run_aborted: AlarmRule | None = AT_ONCE
    lease_not_released: AlarmRule | None = AT_ONCE
    not_started: AlarmRule | None = AT_ONCE
    run_too_long: bool = True
    no_success: bool = True
    more_topics: Sequence[sns.ITopic] = ()
