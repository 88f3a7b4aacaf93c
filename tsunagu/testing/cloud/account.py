"""An account of the embedded cloud, with what a test does there: deploy, send, look, kill, let calls fail."""

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from tsunagu.local.embedded_cloud import EmbeddedCloud, StackOutputs, synthesize
from tsunagu.testing.cloud.behind_proxy import behind_proxy
from tsunagu.testing.cloud.faults import Fate, FaultRates
from tsunagu.testing.handlers.inputs import text_of
from tsunagu.testing.handlers.seen import json_or_text
from tsunagu.testing.patience import eventually

SeenT = TypeVar("SeenT")

SEED = 7


class CloudAccount:
    """One account of an embedded cloud. Other accounts see nothing of its stacks, queues and tables.

    Args:
        cloud: The cloud, as this account sees it.
        folder: Where assemblies are written.

    Attributes:
        cloud: The cloud, as this account sees it.
        outputs: Outputs of the stacks that were deployed, by stack name.
    """

    def __init__(self, cloud: EmbeddedCloud, folder: Path) -> None:
        self.cloud = cloud
        self.outputs: StackOutputs = {}
        self._folder = folder
        self._deployments = 0

    @property
    def number(self) -> str:
        """Number of the account, twelve digits."""
        return self.cloud.account

    def deploy(self, subject: Any = None, *, stage: str = "embedded") -> Mapping[str, str]:
        """Synthesize and deploy, with the CDK CLI; return the outputs of all stacks together.

        Args:
            subject: A stack, with the other stacks of its app; an app; or a folder with a cloud assembly. Default: the
                app of the current folder, by its `cdk.json`.
            stage: Value of `stage` in the context of the app of the current folder.

        Raises:
            EmbeddedCloudError: The app or the deployment failed; the error names the log.
            TypeError: The subject is none of these.
        """
        deployed = self.cloud.deploy(self._assembly(subject, stage))
        self.outputs |= deployed
        return {name: value for outputs in deployed.values() for name, value in outputs.items()}

    def client(self, service: str) -> Any:
        """Return a boto3 client with the permissions of the root user of this account."""
        return self.cloud.client(service)

    def physical_id(self, logical_id: str) -> str:
        """Return the physical id of the one resource whose logical id begins so, such as the URL of a queue.

        Raises:
            LookupError: There is none, or more than one.
        """
        found = {name: id_ for name, id_ in self._resources() if name.startswith(logical_id)}
        if len(found) != 1:
            msg = f"logical_id must begin the id of one resource, got {logical_id!r} of {sorted(found) or 'none'}"
            raise LookupError(msg)
        return next(iter(found.values()))

    def send(self, queue_url: str, payload: object, *, group_id: str | None = None) -> str:
        """Send a message to a queue; return its message id.

        Args:
            queue_url: URL of the queue.
            payload: A mapping, a dataclass, a pydantic model, or text.
            group_id: Message group. A FIFO queue requires it; its deduplication id is a new one.
        """
        fifo = {} if group_id is None else {"MessageGroupId": group_id}
        if queue_url.endswith(".fifo"):
            fifo["MessageDeduplicationId"] = os.urandom(8).hex()
        answer = self.client("sqs").send_message(QueueUrl=queue_url, MessageBody=text_of(payload), **fifo)
        return str(answer["MessageId"])

    def messages(self, queue_url: str) -> list[Any]:
        """Return the bodies of the messages in a queue that nobody consumes, such as dead letters; they stay there."""
        answer = self.client("sqs").receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10, VisibilityTimeout=0)
        return [json_or_text(message["Body"]) for message in answer.get("Messages", [])]

    def items(self, table_name: str) -> list[dict[str, Any]]:
        """Return all items of a table, with plain values."""
        from tsunagu.runtime.aws.attribute_values import plain_item  # noqa: PLC0415

        pages = self.client("dynamodb").get_paginator("scan").paginate(TableName=table_name, ConsistentRead=True)
        return [plain_item(item) for page in pages for item in page["Items"]]

    def eventually(self, look: Callable[[], SeenT], *, seconds: float = 30, what: str = "") -> SeenT:
        """Look again and again until something is seen, and return it; see `eventually`."""
        return eventually(look, seconds=seconds, what=what)

    def kill(self, function_name: str, *, seconds: float = 30) -> int:
        """Kill a process of a function that works on an invocation, with SIGKILL; return how many were killed.

        Raises:
            AssertionError: The function did not work on anything in time.
        """
        busy = eventually(
            lambda: self.cloud.handler_processes(function_name, busy=True), seconds=seconds, what="a busy handler"
        )
        for process_id in busy:
            with suppress(ProcessLookupError):
                os.kill(process_id, signal.SIGKILL)
        return len(busy)

    @contextmanager
    def faults(self, *function_names: str, rates: FaultRates | None = None, seed: int = SEED) -> Iterator[Fate]:
        """Let calls of functions be throttled, fail, lose their answers, and kill who makes them, in the block.

        Args:
            function_names: Names of the functions.
            rates: How often what happens. Default: 5 % of calls to DynamoDB are throttled, 1 % fail, 1 % lose their
                answer, and 1.2 % of all calls kill the function.
            seed: Of what is drawn.

        Returns:
            What happens; `happened` counts what did.
        """
        with behind_proxy(self.cloud, function_names, seed=seed, rates=rates or FaultRates()) as proxy:
            yield proxy.fate

    def _assembly(self, subject: Any, stage: str) -> Path:
        self._deployments += 1
        if subject is None:
            return synthesize(stage, self._folder / f"assembly-{self._deployments}")
        if isinstance(subject, str | Path):
            return Path(subject)
        app = subject.node.root if hasattr(subject, "node") else None
        if app is None or not hasattr(app, "synth"):
            msg = f"subject must be a stack of an app, an app or a folder, got {type(subject).__name__}"
            raise TypeError(msg)
        return Path(app.synth().directory)

    def _resources(self) -> Iterator[tuple[str, str]]:
        cloudformation = self.client("cloudformation")
        for stack in self.outputs or _stack_names(cloudformation):
            for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack):
                for each in page["StackResourceSummaries"]:
                    yield each["LogicalResourceId"], each.get("PhysicalResourceId", "")


def _stack_names(cloudformation: Any) -> list[str]:
    pages = cloudformation.get_paginator("describe_stacks").paginate()
    return [stack["StackName"] for page in pages for stack in page["Stacks"]]
