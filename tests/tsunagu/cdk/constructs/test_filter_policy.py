from typing import Any

import pytest

from tsunagu.cdk.constructs.filter_policy import FilterPolicy, FilterScope
from tsunagu.errors import InvalidPropsError


def test_attributes_are_filtered_by_default() -> None:
    assert FilterPolicy(conditions={"service": ["billing"]}).scope is FilterScope.ATTRIBUTES


def test_nested_fields_of_a_body_count_by_their_leaves() -> None:
    nested = {"order": {"lines": {"sku": ["a"], "count": [{"numeric": [">", 1]}]}, "country": ["jp", "de"]}}

    FilterPolicy(conditions=nested, scope=FilterScope.BODY)


@pytest.mark.parametrize(
    ("conditions", "sentence"),
    [
        ({}, "conditions must have between 1 and 5 names, got 0"),
        ({str(number): ["a"] for number in range(6)}, "conditions must have between 1 and 5 names, got 6"),
        ({"a": []}, "conditions must have between 1 and 150 combinations of values, got 0"),
        (
            {"a": list("0123456789abcdef"), "b": list("0123456789")},
            "conditions must have between 1 and 150 combinations of values, got 160",
        ),
        ({"service": "billing"}, "conditions must have a list of values for service, got 'billing'"),
    ],
)
def test_filter_that_sns_would_not_take_is_refused_with_a_sentence(conditions: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidPropsError) as refusal:
        FilterPolicy(conditions=conditions)

    assert str(refusal.value) == sentence


def test_scope_is_one_of_two() -> None:
    wrong: Any = "MessageBody"

    with pytest.raises(InvalidPropsError, match="scope must be of type FilterScope, got 'MessageBody'"):
        FilterPolicy(conditions={"a": ["b"]}, scope=wrong)
