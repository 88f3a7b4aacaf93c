import pytest

from tsunagu.errors import InvalidInputError
from tsunagu.operations.payloads import read_payloads


def test_each_line_is_a_payload_with_its_number() -> None:
    payloads = read_payloads(['{"a": 1}\n', "\n", '  {"b": 2}\n'])

    assert [(payload.line, payload.text, payload.fields) for payload in payloads] == [
        (1, '{"a": 1}', {"a": 1}),
        (3, '{"b": 2}', {"b": 2}),
    ]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("{", "the message of line 2 must be JSON, got an error at line 1, column 2: Expecting property name"),
        ("[1]", "the message of line 2 must be a JSON object, got a list$"),
        ("null", "the message of line 2 must be a JSON object, got null$"),
        ("[" * 100_000, "the message of line 2 must be JSON of moderate depth, got one nested too deep"),
        ('{"a": "\\ud800"}', "the message of line 2 must be JSON in Unicode, got half a surrogate pair"),
        ('{"a": 1e999}', "the message of line 2 must be JSON with numbers of moderate size, got one that is too large"),
    ],
)
def test_a_line_that_is_no_object_is_named(line: str, sentence: str) -> None:
    with pytest.raises(InvalidInputError, match=sentence):
        read_payloads(["{}", line])


def test_input_without_a_line_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="the input must hold at least one JSON object, got no line"):
        read_payloads(["\n"])


@pytest.mark.parametrize(
    ("text", "got"), [("{}", "none"), ('{"customer": 7}', "a number"), ('{"customer": ""}', "an empty one")]
)
def test_a_field_that_must_be_text_is_named_with_its_line(text: str, got: str) -> None:
    (payload,) = read_payloads([text])

    with pytest.raises(InvalidInputError, match=f"^line 1: customer must be a text that is not empty, got {got}$"):
        payload.text_field("customer")
