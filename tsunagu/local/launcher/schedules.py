"""Runs schedules as EventBridge Scheduler does: to the second, in their time zone, and with the role of the target.

ministack looks every ten seconds, knows UTC alone, asks no role, fills in no context attribute, and loses what a target
does not take. A target that fails is not tried again here: what it does not take is dead-lettered at once.
"""

# ruff: noqa: SLF001 - the package's docstring says why

import logging
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from .ministack_modules import eventbridge, responses, scheduler
from .service_targets import TargetSender
from .settings import LauncherSettings
from .signed_sends import SendError

Schedule = dict[str, Any]
Key = tuple[str, str, str]  # account, region, group and name

PRINCIPAL = "scheduler.amazonaws.com"
TICK_SECONDS = 0.25
_ADOPTED = ("ScheduleExpressionTimezone", "StartDate", "EndDate")

logger = logging.getLogger(__name__)


def install(settings: LauncherSettings) -> None:
    """Run every schedule in this way."""
    scheduler._SCHEDULE_TICK_INTERVAL = TICK_SECONDS
    scheduler._tick_schedules = ScheduleRunner(settings).tick


def adopt_times(name: str, properties: dict[str, Any]) -> None:
    """Keep the time zone and the dates of a template, which ministack drops."""
    schedule = scheduler._schedules[f"{properties.get('GroupName', 'default')}/{name}"]
    schedule.update({key: properties.get(key) for key in _ADOPTED})


@dataclass(slots=True)
class ScheduleRunner:
    """Starts what is due.

    Attributes:
        settings: Settings of the launcher.
        last: Last scheduled time of each schedule that was seen, in seconds since the epoch.
    """

    settings: LauncherSettings
    last: dict[Key, float] = field(default_factory=dict)

    def tick(self) -> None:
        """Send to the target of each schedule that is due. One that is missed more than once is sent once."""
        now = time.time()
        for key, schedule in list(scheduler._schedules._data.items()):
            account, region, name = key
            responses.set_request_account_id(account)
            responses.set_request_region(region)
            due = self._due(key, schedule, now)
            if due is None:
                continue
            self.last[key] = due
            self._send(schedule, due)
            if _is_once(schedule) and schedule.get("ActionAfterCompletion") == "DELETE":
                scheduler._schedules.pop(name, None)
                self.last.pop(key, None)

    def _due(self, key: Key, schedule: Schedule, now: float) -> float | None:
        """Return the latest scheduled time that has come and was not sent, or None."""
        if schedule["State"] != "ENABLED" or not _is_between(schedule, now):
            return None
        expression, last = schedule["ScheduleExpression"], self.last.get(key)
        if _is_once(schedule):
            once = _in_zone(datetime.fromisoformat(expression.strip()[3:-1]), schedule)
            return once if last is None and once <= now else None
        seconds = eventbridge._parse_rate_seconds(expression)
        if seconds is None:
            return self._due_by_cron(key, schedule, now)
        if last is None:  # a rate begins with its start date, or at once
            begin = float(scheduler._to_epoch(schedule.get("StartDate")) or schedule["CreationDate"])
        elif now - last < seconds:
            return None
        else:
            begin = last
        return float(begin + (now - begin) // seconds * seconds)

    def _due_by_cron(self, key: Key, schedule: Schedule, now: float) -> float | None:
        fields = eventbridge._parse_cron_fields(schedule["ScheduleExpression"])
        if fields is None:
            return None
        zone = _zone(schedule)
        after = datetime.fromtimestamp(self.last.setdefault(key, now), zone)
        # ministack counts in UTC, so the time on the wall is handed over as if it were UTC.
        found = eventbridge._cron_next_fire(fields, after.replace(tzinfo=UTC))
        if found is None:
            return None
        due = _in_zone(found.replace(tzinfo=None), schedule)
        return due if due <= now else None

    def _send(self, schedule: Schedule, due: float) -> None:
        attributes = {
            "<aws.scheduler.schedule-arn>": schedule["Arn"],
            "<aws.scheduler.scheduled-time>": _iso(due),
            "<aws.scheduler.execution-id>": str(uuid.uuid4()),
            "<aws.scheduler.attempt-number>": "1",
        }
        target = schedule["Target"]
        text = target.get("Input") or "{}"
        for name, value in attributes.items():
            text = text.replace(name, value)
        sender = TargetSender(
            target=target,
            principal=PRINCIPAL,
            source_arn=scheduler._group_arn(schedule.get("GroupName", "default")),
            region=responses.get_region(),
            settings=self.settings,
        )
        try:
            sender.send(text)
        except SendError as error:
            logger.warning("schedule %s: %s", schedule["Arn"], error)
            _send_dead_letter(sender, schedule, text, due, error)


def _send_dead_letter(sender: TargetSender, schedule: Schedule, text: str, due: float, error: SendError) -> None:
    attributes = {
        "ERROR_CODE": "AccessDeniedException" if "not authorized" in str(error) else "InternalServerException",
        "ERROR_MESSAGE": str(error)[:1024] or "no message",
        "EXECUTION_ID": str(uuid.uuid4()),
        "RETRY_ATTEMPTS": "0",
        "SCHEDULED_TIME": _iso(due),
        "SCHEDULE_ARN": schedule["Arn"],
        "TARGET_ARN": schedule["Target"]["Arn"],
    }
    try:
        sender.send_dead_letter(text, attributes)
    except SendError:
        logger.exception("schedule %s: its dead-letter queue did not take the event", schedule["Arn"])


def _is_once(schedule: Schedule) -> bool:
    return bool(schedule["ScheduleExpression"].strip().startswith("at("))


def _is_between(schedule: Schedule, now: float) -> bool:
    start, end = scheduler._to_epoch(schedule.get("StartDate")), scheduler._to_epoch(schedule.get("EndDate"))
    return (start is None or start <= now) and (end is None or now <= end)


def _zone(schedule: Schedule) -> ZoneInfo:
    return ZoneInfo(schedule.get("ScheduleExpressionTimezone") or "UTC")


def _in_zone(wall: datetime, schedule: Schedule) -> float:
    return wall.replace(tzinfo=_zone(schedule)).timestamp()


def _iso(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
