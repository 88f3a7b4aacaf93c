"""The examples of docs/testing.md are one test module, which passes."""

from typing import TYPE_CHECKING

from tests.docs.test_examples import examples
from tests.docs.test_links import PROJECT

if TYPE_CHECKING:
    import pytest


def test_the_examples_of_the_page_pass(pytester: "pytest.Pytester") -> None:
    blocks = examples(PROJECT / "docs/testing.md")
    pytester.makepyfile("\n\n".join(blocks))

    result = pytester.runpytest_inprocess("-p", "tsunagu.testing.plugin", "-p", "no:xdist", "-p", "no:syrupy")

    result.assert_outcomes(passed="\n".join(blocks).count("\ndef test_"))
