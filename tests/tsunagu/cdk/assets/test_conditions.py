import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsunagu.cdk.assets.conditions import asks_for_platform, decide


def decided(condition: str) -> bool | None:
    return decide(ast.parse(condition, mode="eval").body, (3, 13))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("TYPE_CHECKING", False),
        ("not t.TYPE_CHECKING", True),
        ("sys.version_info >= (3, 13)", True),
        ("version_info > (3, 13, 2)", True),
        ("sys.version_info >= (3, 14)", False),
        ("sys.version_info[:2] == (3, 13)", True),
        ("sys.version_info[0] == 2", False),
        ("sys.version_info[1] == 13", True),
        ("sys.version_info.major == 3", True),
        ("sys.version_info.minor < 13", False),
        ("sys.platform in ('linux', 'darwin')", True),
        ("sys.platform not in ['linux']", False),
        ("sys.platform.startswith('win')", False),
        ("os.name != 'posix'", False),
        ("TYPE_CHECKING or sys.platform == 'linux'", True),
        ("TYPE_CHECKING or sys.platform == 'win32'", False),
        ("TYPE_CHECKING or debug", None),
        ("TYPE_CHECKING and debug", False),
        ("sys.platform == 'linux' and debug", None),
        ("sys.platform == 'linux' or debug", True),
        ("not debug", None),
        ("0", False),
    ],
)
def test_a_condition_is_decided_as_in_lambda(condition: str, expected: bool | None) -> None:
    assert decided(condition) is expected


@pytest.mark.parametrize(
    "condition",
    [
        "platform",  # a variable of the file
        "sys.platform < 3",
        "sys.version_info[9] == 1",
        "1 < sys.version_info[0] < 4",
        "sys.version_info.startswith(3)",
        "sys.hexversion > 1",
    ],
)
def test_a_condition_of_another_form_is_left_open(condition: str) -> None:
    assert decided(condition) is None


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("sys.hexversion > 1", True),
        ("debug or typing.TYPE_CHECKING", True),
        ("platform.system()", True),
        ("a.b", False),
    ],
)
def test_asks_for_the_platform(condition: str, expected: bool) -> None:
    assert asks_for_platform(ast.parse(condition, mode="eval").body) is expected


@given(st.tuples(st.integers(2, 4), st.integers(0, 20)), st.sampled_from(["<", "<=", ">", ">=", "==", "!="]))
def test_versions_are_compared_as_python_compares_them(version: tuple[int, int], operator: str) -> None:
    here = (3, 13, 99, "final", 0)

    assert decided(f"sys.version_info {operator} {version}") == eval(f"{here} {operator} {version}")  # noqa: S307
