import ast
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from constructs import Construct

from tsunagu.cdk import AssetError, InvalidPropsError
from tsunagu.cdk.constructs.error_path import path_in_errors, props_error

if TYPE_CHECKING:
    from aws_cdk import Stack

CDK = Path(__file__).resolve().parents[4] / "tsunagu" / "cdk"
PLANTED = """
class Queue(Construct):
    def check(self):
        raise InvalidPropsError("fifo must be left out")
"""


def raised_without_path(source: str) -> Iterator[int]:
    """Lines in a construct that raise an error of props without the construct's path."""
    for found in ast.walk(ast.parse(source)):
        if not isinstance(found, ast.ClassDef) or "Construct" not in map(ast.unparse, found.bases):
            continue
        for inner in ast.walk(found):
            if isinstance(inner, ast.Raise) and ast.unparse(inner.exc or inner).startswith("InvalidPropsError"):
                yield inner.lineno


def test_error_begins_with_the_path_of_the_construct(stack: "Stack") -> None:
    error = props_error(Construct(stack, "Orders"), "fifo must be left out, got True")

    assert isinstance(error, InvalidPropsError)
    assert str(error) == "Stack/Orders: fifo must be left out, got True"


@pytest.mark.parametrize("kind", [AssetError, InvalidPropsError])
def test_error_of_code_that_knows_no_construct_gets_the_path(stack: "Stack", kind: type[Exception]) -> None:
    cause = kind("batch_size must be at most 5, got 10")

    with (
        pytest.raises(kind, match=r"^Stack/Orders: batch_size must be at most 5, got 10$") as raised,
        path_in_errors(Construct(stack, "Orders")),
    ):
        raise cause

    assert raised.value.__cause__ is cause


def test_other_errors_pass_unchanged(stack: "Stack") -> None:
    with pytest.raises(KeyError, match=r"^'fifo'$"), path_in_errors(stack):
        raise KeyError("fifo")


def test_no_construct_raises_an_error_without_its_path() -> None:
    sources = [*CDK.glob("constructs/*.py"), *CDK.glob("patterns/*.py")]

    assert sources
    assert {str(path): lines for path in sources if (lines := list(raised_without_path(path.read_text())))} == {}


def test_construct_that_raises_an_error_without_its_path_is_found() -> None:
    assert list(raised_without_path(PLANTED)) == [4]
