"""Calls an API of the embedded cloud, with requests that are signed as an IAM user."""

import http.client
import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote, urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tsunagu.local.embedded_cloud import EmbeddedCloud

TIMEOUT_SECONDS = 60
DEFAULT_STAGE = "$default"
SENDS = 3  # of one request whose connection breaks; a repeated POST has its Idempotency-Key


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiAnswer:
    """An answer of an API.

    Attributes:
        status: HTTP status.
        headers: Headers, with their names in lower case.
        body: Content.
        seconds: Time from the first byte sent to the last byte received.
        at: When it was complete, in seconds since the epoch.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float
    at: float

    def json(self) -> Any:
        """Return the content as JSON.

        Raises:
            ValueError: It is none.
        """
        return json.loads(self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedApi:
    """A deployed API, called by one IAM user.

    Attributes:
        url: URL of the stage on the embedded cloud.
        region: Region of the API.
        credentials: Keys of the user; None for requests without a signature.
    """

    url: str
    region: str
    credentials: Credentials | None

    @classmethod
    def for_new_user(cls, cloud: EmbeddedCloud, public_url: str, *, name: str = "caller") -> Self:
        """Make an IAM user who may call every method of an API.

        Args:
            cloud: Where the API is deployed.
            public_url: URL of its stage, as the output of the stack has it.
            name: How the name of the user begins.
        """
        iam, user = cloud.client("iam"), f"{name}-{uuid.uuid4().hex[:8]}"
        api_id, stage = api_of(public_url)
        statement = {
            "Effect": "Allow",
            "Action": "execute-api:Invoke",
            "Resource": f"arn:aws:execute-api:*:*:{api_id}/{stage}/*",
        }
        iam.create_user(UserName=user)
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName=user, PolicyName="Invoke", PolicyDocument=policy)
        key = iam.create_access_key(UserName=user)["AccessKey"]
        return cls(
            url=f"{cloud.endpoint_url}/_aws/execute-api/{api_id}/{stage}",
            region=cloud.environment()["AWS_REGION"],
            credentials=Credentials(key["AccessKeyId"], key["SecretAccessKey"]),
        )

    def post(self, path: str, body: str, *, key: str | None = None) -> ApiAnswer:
        """Send a body of JSON.

        Args:
            path: Path below the stage.
            body: Text of the body.
            key: Idempotency key. Default: none.
        """
        return self.call("POST", path, body.encode(), **({} if key is None else {"Idempotency-Key": key}))

    def call(self, method: str, path: str, body: bytes | None = None, **headers: str) -> ApiAnswer:
        """Send one request and wait for the answer, up to a minute. What is not answered is sent again.

        Args:
            method: HTTP method.
            path: Path below the stage, already quoted.
            body: Content. Default: none.
            headers: Headers. Default: the content is JSON.

        Raises:
            OSError: No answer came.
        """
        for _ in range(SENDS - 1):
            try:
                return self._call(method, path, body, headers)
            except (ConnectionError, TimeoutError, http.client.BadStatusLine):
                continue
        return self._call(method, path, body, headers)

    def _call(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> ApiAnswer:
        request = AWSRequest(
            method=method, url=f"{self.url}{path}", data=body, headers={"Content-Type": "application/json", **headers}
        )
        if self.credentials is not None:
            SigV4Auth(self.credentials, "execute-api", self.region).add_auth(request)
        place = urlsplit(self.url)
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=TIMEOUT_SECONDS)
        began = time.perf_counter()
        try:
            connection.request(method, f"{place.path}{path}", body, dict(request.headers.items()))
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        seconds = time.perf_counter() - began
        found = {name.lower(): value for name, value in response.getheaders()}
        return ApiAnswer(status=response.status, headers=found, body=content, seconds=seconds, at=time.time())


def api_of(public_url: str) -> tuple[str, str]:
    """Return the id of an API and the name of its stage, from a URL such as `https://a1.execute-api.…/v1/`.

    A URL without a path is that of the stage `$default` of an HTTP API.
    """
    place = urlsplit(public_url)
    stage = quote(place.path.strip("/").split("/")[0]) or DEFAULT_STAGE
    return (place.hostname or "").split(".", 1)[0], stage
