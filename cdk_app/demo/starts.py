"""Starts and replays of a deployed pipeline, as its callers ask for them."""

import json
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cdk_app.demo.errors import DemoError

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

CALLERS = 8
ASK_AGAIN_SECONDS = 1.0
# A killed preprocessor leaves a lease that ends with its invocation, 20 s after it began.
PATIENCE_SECONDS = 60.0
# Nothing is wrong with the question: the answer was lost with its handler, or another call with its key is at it.
ASK_AGAIN = {"NotPublishedError", "RequestInProgressError", "Runtime.ExitError", "Sandbox.Timedout", "UnavailableError"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """What a preprocessor answers.

    Attributes:
        request_id: The request.
        run_id: Its run.
        is_duplicate: Whether the key was used for it before.
    """

    request_id: str
    run_id: str
    is_duplicate: bool


@dataclass(frozen=True, slots=True)
class Preprocessor:
    """The preprocessor of a pipeline, as its callers see it.

    Attributes:
        client: Lambda client.
        function_name: The function.
    """

    client: "LambdaClient"
    function_name: str

    def ask_all(self, questions: Iterable[Mapping[str, object]]) -> list[Started]:
        """Ask some questions at the same time; the answers are in their order.

        Raises:
            DemoError: One was refused.
        """
        with ThreadPoolExecutor(CALLERS) as callers:
            return list(callers.map(self.ask, questions))

    def ask(self, question: Mapping[str, object]) -> Started:
        """Ask, and ask again as long as the answer says that this is right.

        Args:
            question: A start or a replay; with an idempotency key, or asking again could start another run.

        Raises:
            DemoError: It was refused, or is not answered within a minute.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            answer, error_type = self._invoke(question)
            if error_type is None:
                return Started(
                    request_id=answer["request_id"],
                    run_id=answer["run_id"],
                    is_duplicate=answer["status"] == "duplicate",
                )
            if error_type not in ASK_AGAIN or time.monotonic() > deadline:
                msg = f"the preprocessor must accept every {question['action']}, got {answer}"
                raise DemoError(msg)
            time.sleep(ASK_AGAIN_SECONDS)

    def _invoke(self, question: Mapping[str, object]) -> tuple[dict[str, Any], str | None]:
        """Return the answer; and, where it is an error, its type."""
        answer = self.client.invoke(FunctionName=self.function_name, Payload=json.dumps(question).encode())
        content: dict[str, Any] = json.loads(answer["Payload"].read())
        return content, content.get("errorType", "unknown") if answer.get("FunctionError") else None
