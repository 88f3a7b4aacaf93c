"""A CloudFormation that answers boto3 in this process: pages of a hundred, nested stacks, templates as text or JSON."""

import json
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

import boto3
import yaml
from botocore.awsrequest import AWSRequest, AWSResponse

PAGE = 100


@dataclass(frozen=True, kw_only=True)
class FakeStack:
    """A deployed stack.

    Attributes:
        name: Its name.
        template: Its template, or the text of it.
        logical_ids: What it made: types by logical id. Default: all resources of the template.
        physical_ids: Physical ids by logical id. Default: the name of the stack, a hyphen and the logical id.
        outputs: Its outputs.
        parent: Name of the stack that it is nested in.
        termination_protected: Whether it may not be deleted.
        created: When it was created.
    """

    name: str
    template: Mapping[str, Any] | str
    logical_ids: Mapping[str, str] | None = None
    physical_ids: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    parent: str | None = None
    termination_protected: bool = False
    created: str = "2024-01-01T00:00:00Z"

    def resources(self) -> list[tuple[str, str, str]]:
        declared = self.template.get("Resources", {}) if isinstance(self.template, Mapping) else {}
        types = self.logical_ids or {name: each["Type"] for name, each in declared.items()}
        return [
            (name, self.physical_ids.get(name, f"{self.name}-{name}"), resource_type)
            for name, resource_type in types.items()
        ]


class FakeCloudFormation:
    """Answers DescribeStacks, ListStackResources and GetTemplate, as AWS documents them.

    Attributes:
        stacks: The stacks by name.
        client: A boto3 client that asks it.
        calls: How often each operation was asked.
        refusals: Error code and message by operation and stack, in place of an answer.
    """

    def __init__(self, *stacks: FakeStack) -> None:
        self.stacks = {stack.name: stack for stack in stacks}
        self.calls: Counter[str] = Counter()
        self.refusals: dict[tuple[str, str | None], tuple[str, str]] = {}
        self._lock = threading.Lock()
        self.client: Any = boto3.client(
            "cloudformation",
            endpoint_url="https://cloudformation.invalid",  # which moto does not know, so that it leaves it to us
            region_name="eu-central-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        events: Any = self.client.meta.events
        events.register_first("before-send.cloudformation", self._send)

    def _send(self, request: AWSRequest, **_: Any) -> AWSResponse:
        sent: Any = request.body
        body = sent.decode() if isinstance(sent, bytes) else str(sent)
        asked = {name: values[0] for name, values in parse_qs(body).items()}
        operation = asked["Action"]
        with self._lock:
            self.calls[operation] += 1
        name = asked.get("StackName")
        if (operation, name) in self.refusals:
            return _error(*self.refusals[operation, name])
        if name is not None and name not in self.stacks:
            return _error("ValidationError", f"Stack with id {name} does not exist")
        answer = {
            "DescribeStacks": self._describe,
            "ListStackResources": self._list,
            "GetTemplate": self._template,
        }[operation]
        return _answer(operation, answer(asked))

    def _describe(self, asked: Mapping[str, str]) -> str:
        stacks = [self.stacks[asked["StackName"]]] if "StackName" in asked else [*self.stacks.values()]
        start = int(asked.get("NextToken", 0))
        members = "".join(_stack(each) for each in stacks[start : start + PAGE])
        return f"<Stacks>{members}</Stacks>{_next(start, len(stacks))}"

    def _list(self, asked: Mapping[str, str]) -> str:
        resources, start = self.stacks[asked["StackName"]].resources(), int(asked.get("NextToken", 0))
        members = "".join(
            f"<member><LogicalResourceId>{escape(logical)}</LogicalResourceId>"
            f"<PhysicalResourceId>{escape(physical)}</PhysicalResourceId><ResourceType>{resource_type}</ResourceType>"
            "<ResourceStatus>CREATE_COMPLETE</ResourceStatus>"
            "<LastUpdatedTimestamp>2024-01-01T00:00:00Z</LastUpdatedTimestamp></member>"
            for logical, physical, resource_type in resources[start : start + PAGE]
        )
        return f"<StackResourceSummaries>{members}</StackResourceSummaries>{_next(start, len(resources))}"

    def _template(self, asked: Mapping[str, str]) -> str:
        template = self.stacks[asked["StackName"]].template
        text = template if isinstance(template, str) else json.dumps(template)
        return f"<TemplateBody>{escape(text)}</TemplateBody>"


def as_yaml(template: Mapping[str, Any]) -> str:
    """Return a template as the CDK CLI uploads it without bootstrap: as YAML."""
    return yaml.safe_dump(dict(template))


def _stack(stack: FakeStack) -> str:
    outputs = "".join(
        f"<member><OutputKey>{name}</OutputKey><OutputValue>{escape(value)}</OutputValue></member>"
        for name, value in stack.outputs.items()
    )
    parent = f"<ParentId>{stack.parent}</ParentId>" if stack.parent else ""
    return (
        f"<member><StackName>{stack.name}</StackName><StackStatus>CREATE_COMPLETE</StackStatus>{parent}"
        f"<EnableTerminationProtection>{str(stack.termination_protected).lower()}</EnableTerminationProtection>"
        f"<CreationTime>{stack.created}</CreationTime><Outputs>{outputs}</Outputs></member>"
    )


def _next(start: int, total: int) -> str:
    return f"<NextToken>{start + PAGE}</NextToken>" if start + PAGE < total else ""


def _answer(operation: str, result: str) -> AWSResponse:
    text = f"<{operation}Response><{operation}Result>{result}</{operation}Result></{operation}Response>"
    return _response(200, text)


def _error(code: str, message: str) -> AWSResponse:
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    return _response(400, f"<ErrorResponse>{error}</ErrorResponse>")


def _response(status: int, text: str) -> AWSResponse:
    headers: Any = {"content-type": "text/xml"}
    return AWSResponse("https://cloudformation", status, headers, _Body(text.encode()))


class _Body(BytesIO):
    def stream(self) -> Iterator[bytes]:
        yield self.read()
