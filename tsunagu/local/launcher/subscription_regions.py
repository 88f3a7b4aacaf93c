"""Subscribes to a topic in its own region, which the property `Region` of a subscription names.

ministack looks for the topic in the region of the stack, and when it is not there, makes a subscription without it
(https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sns-subscription.html, `Region`).
"""

# ruff: noqa: SLF001 - the package's docstring says why

from contextlib import AbstractContextManager
from typing import Any

from .ministack_modules import provisioners, responses, sns

Properties = dict[str, Any]


def install() -> None:
    """Create, change and delete subscriptions in the region of their topic. A topic that is not there fails."""
    handlers = provisioners._RESOURCE_HANDLERS["AWS::SNS::Subscription"]
    create, update, delete = handlers["create"], handlers["update"], handlers["delete"]

    def create_there(logical_id: str, properties: Properties, *rest: Any) -> Any:
        with _region_of(properties):
            _check_topic(properties)
            return create(logical_id, properties, *rest)

    def update_there(physical_id: str, old: Properties, new: Properties, *rest: Any) -> Any:
        with _region_of(new):
            _check_topic(new)
            return update(physical_id, old, new, *rest)

    def delete_there(physical_id: str, properties: Properties) -> None:
        with _region_of(properties):
            delete(physical_id, properties)

    handlers.update(create=create_there, update=update_there, delete=delete_there)


def _region_of(properties: Properties) -> AbstractContextManager[None]:
    region = properties.get("Region") or responses.get_region()
    scope: AbstractContextManager[None] = responses.request_scope(responses.get_account_id(), region)
    return scope


def _check_topic(properties: Properties) -> None:
    arn = properties.get("TopicArn", "")
    if sns._topics.get(arn) is None and sns._topic_by_arn_any_scope(arn) is None:
        msg = f"Invalid parameter: TopicArn Reason: there is no topic {arn} in {responses.get_region()}"
        raise ValueError(msg)
