"""Renders mapping templates in a process of the emulator's environment, which has Velocity; this one has not."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from tsunagu.local.environments import environment_python

PROJECT = Path(__file__).resolve().parents[1]
_PROGRAM = """
import json, sys
from tsunagu.local.launcher.mapping_templates import Parameters, TemplateInput, render
for line in sys.stdin:
    asked = json.loads(line)
    context = asked["context"] | {"requestOverride": {"header": {}, "path": {}, "querystring": {}}}
    context["responseOverride"] = {"header": {}, "status": ""}
    source = TemplateInput(asked["body"], Parameters(**asked["parameters"]))
    try:
        text = render(asked["template"], source, context, {})
        answer = {"text": text, "request": context["requestOverride"], "response": context["responseOverride"]}
    except Exception as error:
        answer = {"error": repr(error)}
    print(json.dumps(answer), flush=True)
"""


class Rendered:
    """What a template made.

    Attributes:
        text: The text.
        request: What the template set of the request to the service.
        response: What it set of the response to the client.
    """

    def __init__(self, answer: Mapping[str, Any]) -> None:
        self.text: str = answer["text"]
        self.request: dict[str, Any] = answer["request"]
        self.response: dict[str, Any] = answer["response"]

    def json(self) -> Any:
        return json.loads(self.text)


class Velocity:
    """The process. It ends with the `with` block."""

    def __init__(self, log_path: Path) -> None:
        self._python = environment_python("emulator", log_path=log_path, progress=print)

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [str(self._python), "-c", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"PYTHONPATH": str(PROJECT), "PYTHONIOENCODING": "utf-8"},
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def render(
        self,
        template: str,
        *,
        body: str = "",
        context: Mapping[str, Any] | None = None,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Rendered:
        """Render a template for a request, or for the answer of a service."""
        parameters = {"path": dict(path or {}), "querystring": dict(query or {}), "header": dict(headers or {})}
        asked = {"template": template, "body": body, "context": dict(context or {}), "parameters": parameters}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert "error" not in answer, answer["error"]
        return Rendered(answer)
