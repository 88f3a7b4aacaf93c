"""Starts executions for rules of EventBridge with the role of the target, and keeps what could not start.

ministack starts them with nobody's permissions, and loses an event whose target does not take it. The policy of the
dead-letter queue must let EventBridge in; the rules at synth check that.
"""

# ruff: noqa: SLF001 - the package's docstring says why

import contextvars
import logging
import threading
from typing import Any

from .ministack_modules import eventbridge, responses, sqs
from .service_targets import TargetSender
from .settings import LauncherSettings
from .signed_sends import SendError

Target = dict[str, Any]

PRINCIPAL = "events.amazonaws.com"

logger = logging.getLogger(__name__)


def install(settings: LauncherSettings) -> None:
    """Start the executions of rules in this way."""
    invoke_target = eventbridge._invoke_target
    dispatch = eventbridge._dispatch_to_stepfunctions
    current: contextvars.ContextVar[tuple[Target, dict[str, Any]]] = contextvars.ContextVar("target of a rule")

    def invoke(target: Target, event: dict[str, Any], rule: dict[str, Any], view: Any = None) -> None:
        current.set((target, rule))
        invoke_target(target, event, rule, view)

    def start(arn: str, text: str) -> None:
        target, rule = current.get()
        if not target.get("RoleArn"):
            dispatch(arn, text)
            return
        sender = TargetSender(
            target=target,
            principal=PRINCIPAL,
            source_arn=rule["Arn"],
            region=responses.get_region(),
            settings=settings,
        )
        # The event may come from the thread that must answer the call.
        run = contextvars.copy_context().run
        threading.Thread(target=run, args=(_start, sender, rule["Arn"], text), daemon=True, name="rule").start()

    eventbridge._invoke_target = invoke
    eventbridge._dispatch_to_stepfunctions = start


def _start(sender: TargetSender, rule_arn: str, text: str) -> None:
    try:
        sender.send(text)
    except SendError as error:
        logger.warning("rule %s: %s", rule_arn, error)
        _keep(sender.target, rule_arn, text, error)


def _keep(target: Target, rule_arn: str, text: str, error: SendError) -> None:
    queue_arn = (target.get("DeadLetterConfig") or {}).get("Arn")
    if not queue_arn:
        return
    account, name = queue_arn.split(":")[4:6]
    attributes = {"ERROR_MESSAGE": str(error)[:1024], "RULE_ARN": rule_arn, "TARGET_ARN": target["Arn"]}
    described = {key: {"DataType": "String", "StringValue": value} for key, value in attributes.items()}
    url = sqs._queue_url_for_account(account, name)
    sqs._act_send_message({"MessageBody": text, "MessageAttributes": described}, url)
