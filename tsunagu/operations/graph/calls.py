"""Links of what starts something by a call: APIs, schedules, event rules and pipes."""

from collections.abc import Iterator
from typing import Any

from tsunagu.operations.graph.links import Link, dead_letters
from tsunagu.operations.graph.model import EdgeKind
from tsunagu.templates.intrinsics import entries
from tsunagu.templates.template import Resource, Template, mapping

_STORES = ("AWS::S3::Bucket",)
_NOT_CALLED = ("AWS::IAM::", "AWS::KMS::", "AWS::ApiGateway")
_SDK_TARGET = ":::aws-sdk:"


def of_method(template: Template, method: Resource) -> Iterator[Link]:
    """Yield the links from a REST API to what a method calls."""
    label = f"{method.properties.get('HttpMethod')} {_path(template, method.properties.get('ResourceId'))}"
    integration = method.mapping("Integration")
    called = {name: value for name, value in integration.items() if name != "Credentials"}
    for target in _called(template, called):
        yield Link(method.properties.get("RestApiId"), target, _kind(target), label)


def of_route(template: Template, route: Resource) -> Iterator[Link]:
    """Yield the links from an HTTP API to what a route calls."""
    integration = next(template.mentioned(route.properties.get("Target")), None)
    if integration is None:
        return
    called = {name: value for name, value in integration.properties.items() if name != "CredentialsArn"}
    for target in _called(template, called):
        yield Link(route.properties.get("ApiId"), target, _kind(target), str(route.properties.get("RouteKey")))


def of_api(template: Template, api: Resource) -> Iterator[Link]:
    """Yield the links from an API that an OpenAPI document describes to what it calls."""
    for target in _called(template, api.properties.get("Body")):
        yield Link(api, target, _kind(target))


def of_schedule(template: Template, schedule: Resource) -> Iterator[Link]:
    """Yield the links from a schedule to its target, and to the queue of what could not be started."""
    yield from _target(template, schedule, schedule.mapping("Target"))


def of_rule(template: Template, rule: Resource) -> Iterator[Link]:
    """Yield the links to an event rule from what its events are about, and to its targets."""
    for source in template.mentioned([rule.properties.get("EventPattern"), rule.properties.get("EventBusName")]):
        yield Link(source, rule, label="events")
    for target in rule.items("Targets"):
        yield from _target(template, rule, mapping(target))


def of_pipe(_template: Template, pipe: Resource) -> Iterator[Link]:
    """Yield the links from the source of a pipe to it, and from it to its target."""
    yield Link(pipe.properties.get("Source"), pipe, label="filtered" if _filters(pipe) else "")
    for name in ("Enrichment", "Target"):
        if pipe.properties.get(name) is not None:
            yield Link(pipe, pipe.properties[name], label=name.lower() if name == "Enrichment" else "")
    for parameters in pipe.mapping("SourceParameters").values():
        yield from dead_letters(pipe, mapping(parameters).get("DeadLetterConfig"))


def _target(template: Template, source: Resource, target: Any) -> Iterator[Link]:
    arn = target.get("Arn")
    if isinstance(arn, str) and _SDK_TARGET in arn:
        label = arn.partition(_SDK_TARGET)[2]
        yield from (Link(source, called, label=label) for called in _called(template, target.get("Input")))
    elif arn is not None:
        yield Link(source, arn)
    yield from dead_letters(source, target.get("DeadLetterConfig"))


def _filters(pipe: Resource) -> bool:
    return any(entries(mapping(pipe.mapping("SourceParameters").get("FilterCriteria")).get("Filters")))


def _called(template: Template, value: object) -> list[Resource]:
    found = {each.key: each for each in template.mentioned(value)}
    return [each for each in found.values() if not each.type.startswith(_NOT_CALLED)]


def _kind(target: Resource) -> EdgeKind:
    return EdgeKind.USE if target.type in _STORES else EdgeKind.FLOW


def _path(template: Template, value: object) -> str:
    """Return the path of a resource of a REST API."""
    resource = template.target(value)
    if resource is None or resource.type != "AWS::ApiGateway::Resource":
        return "/"
    parent = _path(template, resource.properties.get("ParentId"))
    return f"{parent.rstrip('/')}/{resource.properties.get('PathPart')}"
