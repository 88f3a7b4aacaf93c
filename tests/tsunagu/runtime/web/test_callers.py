"""The caller of a request, as the authorizer of its API names it."""

from typing import Any

import pytest
from hypothesis import given

from tests.tsunagu.runtime.receiving.test_event_kinds import VALUES
from tsunagu.runtime.web.callers import caller_of
from tsunagu.testing.events.http import http_api_event as http_api
from tsunagu.testing.events.http import rest_api_event as rest_api

CLAIMS = {"iss": "https://idp", "sub": "c-7", "exp": "1"}
ROLE = "arn:aws:sts::111122223333:assumed-role/shop/session-1"


def with_identity(**identity: str) -> Any:
    event = rest_api()
    event["requestContext"]["identity"] |= identity
    return event


@pytest.mark.parametrize(
    ("event", "caller"),
    [
        (http_api(authorizer={"jwt": {"claims": CLAIMS, "scopes": None}}), "https://idp c-7"),
        (rest_api(authorizer={"claims": CLAIMS}), "https://idp c-7"),
        (http_api(authorizer={"iam": {"userArn": ROLE}}), "arn:aws:sts::111122223333:assumed-role/shop"),
        (http_api(authorizer={"iam": {"userArn": "arn:aws:iam::1:user/u"}}), "arn:aws:iam::1:user/u"),
        (with_identity(userArn=ROLE), "arn:aws:sts::111122223333:assumed-role/shop"),
        (rest_api(authorizer={"principalId": "p-1"}), "p-1"),
        (http_api(authorizer={"lambda": {"principalId": "p-1"}}), "p-1"),
        (http_api(authorizer={"lambda": {"sub": "s-1"}}), "s-1"),
        (http_api(authorizer={"lambda": None}), ""),
        (http_api(), ""),
        (rest_api(), ""),
        (None, ""),
    ],
)
def test_caller_is_whom_the_authorizer_names(event: Any, caller: str) -> None:
    assert caller_of(event) == caller


@given(VALUES)
def test_any_event_has_a_caller_or_nobody(event: object) -> None:
    assert isinstance(caller_of(event), str)
