"""The annotation of a prop says what it accepts; what it does not accept is refused with a sentence."""

import dataclasses
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from aws_cdk import App, CfnParameter, Duration, Stack, Token
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from hypothesis import given
from hypothesis import strategies as st

import tsunagu.cdk
from tsunagu.cdk.props import Between, CheckedProps, Days, Seconds, Text, Unlike, check_value, is_known
from tsunagu.cdk.props.checked import annotations_of
from tsunagu.errors import InvalidPropsError


def refusal(value: object, annotation: Any) -> str:
    with pytest.raises(InvalidPropsError) as refused:
        check_value("prop", value, annotation)
    return str(refused.value)


class Odd:
    """Something that no prop accepts."""


PROPS = [
    kind
    for name in tsunagu.cdk.__all__
    if isinstance(kind := getattr(tsunagu.cdk, name), type)
    and dataclasses.is_dataclass(kind)
    and kind not in {tsunagu.cdk.HandlerAsset, tsunagu.cdk.ImageAsset}
]


@pytest.mark.parametrize("kind", PROPS, ids=lambda kind: kind.__name__)
def test_every_prop_of_every_construct_refuses_what_is_not_of_its_kind(kind: Any) -> None:
    names = [field.name for field in dataclasses.fields(kind)]

    assert list(annotations_of(kind)) == names
    for name, annotation in annotations_of(kind).items():
        with pytest.raises(InvalidPropsError, match=rf"^{name} must be .*, got Odd$"):
            check_value(name, Odd(), annotation)
    with pytest.raises(InvalidPropsError, match=rf"^{names[0]} must be "):
        kind(**dict.fromkeys(names, Odd()))


@pytest.mark.parametrize(
    ("value", "annotation", "sentence"),
    [
        ("1", int, "prop must be of type int, got '1'"),
        (True, int, "prop must be of type int, got True"),
        (1.5, int, "prop must be of type int, got 1.5"),
        (1, bool, "prop must be of type bool, got 1"),
        ("no", bool, "prop must be of type bool, got 'no'"),
        (None, str | Path, "prop must be of type str or Path, got None"),
        (1, str | None, "prop must be of type str, got 1"),
        ("x" * 99, int | None, f"prop must be of type int, got '{'x' * 63}…"),
        ("a", Literal["arm64", "x86_64"], "prop must be one of arm64, x86_64, got 'a'"),
        ("ab", Sequence[str], "prop must be of type Sequence, got 'ab'"),
        ({"a": "b"}, Sequence[str], "prop must be of type Sequence, got a dict"),
        ([["s"]], Sequence[str], "prop must be of type str, got a list"),
        (["a"], Mapping[str, int], "prop must be of type Mapping, got a list"),
        ({"a": "b"}, Mapping[str, int], "prop['a'] must be of type int, got 'b'"),
        ({1: 1}, Mapping[str, int], "prop must be of type str, got 1"),
        (Duration, Duration, "prop must be of type Duration, got the class Duration"),
        (60, Duration, "prop must be of type Duration, got 60"),
        ("arn:aws:kms:…", kms.IKey, "prop must be of type IKey, got 'arn:aws:kms:…'"),
        (0, Annotated[int, Between(range(1, 10_001), "MiB")], "prop must be between 1 and 10,000 MiB, got 0"),
        (0, Annotated[int, Between(range(1, 3))] | None, "prop must be between 1 and 2, got 0"),
        ([0], Sequence[Annotated[int, Between(range(1, 3))]], "prop must be between 1 and 2, got 0"),
        ("A", Annotated[str, Text(re.compile("[a-z]"), "a letter")], "prop must be a letter, got 'A'"),
        ("A", Annotated[str, Unlike(["a"], "it is taken")], "prop must not be A, because it is taken"),
    ],
)
def test_a_refusal_names_the_prop_the_rule_and_what_was_got(value: object, annotation: Any, sentence: str) -> None:
    assert refusal(value, annotation) == sentence


def test_durations_are_whole_seconds_or_days_within_limits() -> None:
    assert refusal(Duration.millis(1_500), Annotated[Duration, Seconds(range(9))]) == (
        "prop must be a whole number of seconds, got 1.5"
    )
    assert refusal(Duration.hours(36), Annotated[Duration, Days(range(86_400 * 9))]) == (
        "prop must be a whole number of days, got 129,600 seconds"
    )
    check_value("prop", Duration.days(1), Annotated[Duration, Days(range(86_400 * 9))])


def test_constructs_fit_interfaces_by_their_members_however_they_were_made() -> None:
    stack = Stack(App(analytics_reporting=False), "Stack")
    key = kms.Key(stack, "Key")
    keys = [
        key,
        kms.Alias(stack, "Alias", alias_name="alias/a", target_key=key),
        kms.Key.from_key_arn(stack, "Imported", "arn:aws:kms:eu-west-1:123456789012:key/1"),
        kms.Alias.from_alias_name(stack, "ByName", "alias/b"),
    ]
    for each in keys:
        check_value("prop", each, kms.IKey | None)

    vpc = ec2.Vpc.from_vpc_attributes(stack, "Vpc", vpc_id="v", availability_zones=["a"])
    check_value("prop", vpc, ec2.IVpc)
    assert refusal(key, ec2.IVpc) == "prop must be of type IVpc, got Key Stack/Key"
    assert re.fullmatch(r"prop must be of type IKey, got \w+ Stack/Vpc", refusal(vpc, kms.IKey))


@dataclass(frozen=True, slots=True, kw_only=True)
class Base(CheckedProps):
    count: Annotated[int, Between(range(1, 9))] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Special(Base):
    name: str


def test_props_of_a_subclass_are_checked_with_those_of_its_base() -> None:
    with pytest.raises(InvalidPropsError, match=r"^count must be between 1 and 8, got 9$"):
        Special(name="a", count=9)
    with pytest.raises(InvalidPropsError, match=r"^name must be of type str, got 1$"):
        Special(name=1)  # type: ignore[arg-type]


UNKNOWN = "prop must be known when the app is synthesized, got a value that only the deployment knows"
ANY_TEXT = re.compile(".*")


def test_a_value_that_only_the_deployment_knows_is_passed_on_or_refused_but_never_compared() -> None:
    parameter = CfnParameter(Stack(App(analytics_reporting=False), "Stack"), "P", type="Number")
    number, text = parameter.value_as_number, Token.as_string({"Ref": "P"})

    for limits in (range(1, 3), range(-(10**300), 10**300)):
        assert refusal(number, Annotated[int, Between(limits)]) == UNKNOWN
    assert refusal(text, Annotated[str, Text(ANY_TEXT, "any text")]) == UNKNOWN
    assert refusal(Duration.seconds(number), Annotated[Duration, Seconds(range(9))]) == UNKNOWN
    assert refusal(text, Literal["a"]) == "prop must be one of a, got a value that only the deployment knows"
    check_value("prop", number, Annotated[int, Between(range(1, 3), deployed=True)] | None)
    check_value("prop", text, Annotated[str, Text(re.compile("a"), "a", deployed=True)])
    check_value("prop", text, str)


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_numbers_that_no_json_has_are_known(value: float) -> None:
    assert is_known(value)


@given(value=st.text() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.none() | st.booleans())
def test_what_synthesis_knows_is_told_from_tokens_as_the_cdk_does(value: object) -> None:
    assert is_known(value) == (value is None or not Token.is_unresolved(value))


def test_tokens_of_every_kind_are_known_as_tokens() -> None:
    for token in (Token.as_string({"Ref": "P"}), Token.as_number({"Ref": "P"}), *Token.as_list({"Ref": "P"})):
        assert not is_known(token)
        assert not is_known(Duration.seconds(Token.as_number(token)))
    assert not is_known(f"https://{Token.as_string({'Ref': 'P'})}/a")
