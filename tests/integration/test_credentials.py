"""Credentials that a profile or the environment has other services make: the runtime's session knows those services."""

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from tsunagu.runtime.aws.clients import client_config, dynamodb_client
from tsunagu.runtime.aws.session import session

ROLE_ARN = "arn:aws:iam::111122223333:role/worker"
ASSUMED_KEY = "ASSUMEDKEY"

PROFILES = f"""
[profile base]
aws_access_key_id = BASEKEY
aws_secret_access_key = secret

[profile worker]
role_arn = {ROLE_ARN}
source_profile = base
"""

CREDENTIALS = f"""
<Credentials>
  <AccessKeyId>{ASSUMED_KEY}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>
  <SessionToken>token</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration>
</Credentials>
"""


@dataclass
class Endpoint:
    """Both STS and DynamoDB.

    Attributes:
        url: Where it listens.
        roles: The actions by which STS was asked for a role.
        keys: The access keys with which DynamoDB was called.
    """

    url: str = ""
    roles: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)

    def answer(self, body: str, authorization: str) -> str:
        if asked := re.search(r"Action=(AssumeRole\w*)", body):
            action = asked[1]
            self.roles.append(action)
            return f"<{action}Response><{action}Result>{CREDENTIALS}</{action}Result></{action}Response>"
        self.keys += re.findall(r"Credential=(\w+)/", authorization)
        return '{"TableNames": []}'


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    made = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            answer = made.answer(body, self.headers.get("Authorization", "")).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def role(endpoint: Endpoint, tmp_path: Path) -> Iterator[pytest.MonkeyPatch]:
    """A process whose environment has no keys, and profiles of which one is a role."""
    session.cache_clear()
    with pytest.MonkeyPatch.context() as environment:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
            environment.delenv(name, raising=False)
        (tmp_path / "config").write_text(PROFILES)
        environment.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
        environment.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
        environment.setenv("AWS_ENDPOINT_URL", endpoint.url)
        yield environment
    session.cache_clear()


def test_profile_with_a_role_is_assumed(role: pytest.MonkeyPatch, endpoint: Endpoint) -> None:
    role.setenv("AWS_PROFILE", "worker")

    dynamodb_client(client_config(5)).list_tables()

    assert (endpoint.roles, endpoint.keys) == (["AssumeRole"], [ASSUMED_KEY])


def test_role_of_a_web_identity_is_assumed(role: pytest.MonkeyPatch, endpoint: Endpoint, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("identity")
    role.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    role.setenv("AWS_ROLE_ARN", ROLE_ARN)

    dynamodb_client(client_config(5)).list_tables()

    assert (endpoint.roles, endpoint.keys) == (["AssumeRoleWithWebIdentity"], [ASSUMED_KEY])


def test_each_service_that_the_sdk_asks_for_credentials_has_its_client() -> None:
    sources = [Path(botocore.__file__).with_name(name).read_text() for name in ("credentials.py", "tokens.py")]
    asked = re.findall(r"""client(?:_creator)?\(\s*(?:self\._session,\s*)?['"]([\w-]+)['"]""", "".join(sources))

    made: list[Any] = [session().create_client(name) for name in asked]

    services = {"signin", "sso", "sso-oidc", "sts"} & set(botocore.session.get_session().get_available_services())
    assert {client.meta.service_model.service_name for client in made} == services  # an older SDK knows no `signin`
