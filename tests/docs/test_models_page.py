"""The examples of docs/models.md run, and each handler in them reads the messages below it."""

import re
from typing import Any

import pytest

from tests.docs.test_links import PROJECT
from tsunagu import Message
from tsunagu.runtime.errors import InvalidMessageError
from tsunagu.runtime.json_text import read_json
from tsunagu.runtime.receiving.model import model_of, parser

_EXAMPLE = re.compile(r"^```python\n(.*?)^```(?:(?!^```).)*?^```json\n(.*?)^```", re.MULTILINE | re.DOTALL)

PAGE = (PROJECT / "docs/models.md").read_text(encoding="utf-8")
EXAMPLES = _EXAMPLE.findall(PAGE)


def names_after(number: int) -> dict[str, Any]:
    """Run the examples up to `number`, as one module, and return its names."""
    names: dict[str, Any] = {"__name__": __name__}
    for example, _ in EXAMPLES[: number + 1]:
        exec(example, names)  # noqa: S102 - the page is ours
    return names


def test_each_example_has_messages() -> None:
    assert len(EXAMPLES) == PAGE.count("```python") == PAGE.count("```json") == 5


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_each_message_of_the_page_is_read(number: int) -> None:
    parse = parser(model_of(names_after(number)["handler"].__wrapped__, beside=Message))

    messages = [read_json("the message", line) for line in EXAMPLES[number][1].splitlines()]
    assert len(messages) == 2
    assert all(parse(message) is not None for message in messages)


def test_message_that_the_page_calls_invalid_is_refused() -> None:
    parse = parser(names_after(0)["Order"])
    body = read_json("the message", EXAMPLES[0][1].splitlines()[0])

    with pytest.raises(InvalidMessageError, match="an order must have a line, got none"):
        parse({**body, "lines": []})
