"""Calls a service of the emulator over loopback HTTP, signed as the role of an integration.

So the service itself checks permissions, conditions and limits, as for the call of an SDK.
"""

import functools
import hashlib
import json
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import Any

from .integration_mappings import ServiceAnswer, ServiceRequest

BODILESS = ("GET", "HEAD", "DELETE")
FUNCTION_ERROR = "x-amz-function-error"
# Where the name in an integration's address differs from the name of the SDK's model.
_MODELS = {"states": "stepfunctions"}

# Calls to this machine must not go through the proxy of the network.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceEndpoint:
    """An operation of a service, as the address of an integration names it.

    Attributes:
        url: Address of the emulator.
        region: Region of the service.
        service: Service, as it is signed.
        method: HTTP method.
        action: Operation of a service that takes operations by name; empty when `path` names it.
        path: Path of the operation, with names in braces.
    """

    url: str
    region: str
    service: str
    method: str
    action: str
    path: str

    def call(self, request: ServiceRequest, credentials: dict[str, str], timeout_seconds: float) -> ServiceAnswer:
        """Send a request, and return the answer.

        Raises:
            TimeoutError: The service did not answer in time.
            OSError: The connection broke.
        """
        body = None if self.method in BODILESS else request.body.encode()
        headers = self._default_headers() | request.header | self._action_headers()
        signed = self._sign(self._address(request), body, headers, credentials)
        status, got, answer = _send(signed, timeout_seconds)
        if self.service in ("sqs", "sns") and answer.startswith(b"<"):
            answer = _json_of(answer)
        failure = _failure_of(got, answer) if self.service == "lambda" else None
        return ServiceAnswer(status=status, headers=got, body=answer, failure=failure)

    def _address(self, request: ServiceRequest) -> str:
        path = self.path
        for name, value in request.path.items():
            path = path.replace(f"{{{name}}}", urllib.parse.quote(value, safe="/" if self.service == "s3" else ""))
        query = urllib.parse.urlencode(request.querystring)
        return f"{self.url}/{path}{'?' if query else ''}{query}"

    def _default_headers(self) -> dict[str, str]:
        if not self.action:
            return {"Content-Type": "application/json"}
        return {"Content-Type": f"application/x-amz-json-{_protocol(self.service).get('jsonVersion', '1.0')}"}

    def _action_headers(self) -> dict[str, str]:
        if not self.action:
            return {}
        return {"X-Amz-Target": f"{_protocol(self.service).get('targetPrefix')}.{self.action}"}

    def _sign(
        self, address: str, body: bytes | None, headers: dict[str, str], credentials: dict[str, str]
    ) -> urllib.request.Request:
        # ministack needs botocore too, but imports it later.
        from botocore.auth import SigV4Auth  # noqa: PLC0415
        from botocore.awsrequest import AWSRequest  # noqa: PLC0415
        from botocore.credentials import Credentials  # noqa: PLC0415

        request: Any = AWSRequest(method=self.method, url=address, data=body, headers=headers)
        if self.service == "s3":
            request.headers["x-amz-content-sha256"] = hashlib.sha256(body or b"").hexdigest()
        keys = Credentials(
            credentials["AWS_ACCESS_KEY_ID"],
            credentials["AWS_SECRET_ACCESS_KEY"],
            credentials.get("AWS_SESSION_TOKEN") or None,
        )
        signer: Any = SigV4Auth(keys, self.service, self.region)
        signer.add_auth(request)
        return urllib.request.Request(address, data=body, method=self.method, headers=dict(request.headers))  # noqa: S310


def _send(request: urllib.request.Request, timeout_seconds: float) -> tuple[int, dict[str, str], bytes]:
    try:
        with _direct.open(request, timeout=timeout_seconds) as answer:
            return answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, {name.lower(): value for name, value in error.headers.items()}, error.read()
    except urllib.error.URLError as error:
        if isinstance(error.reason, TimeoutError):
            raise TimeoutError(str(error)) from error
        raise


@functools.cache
def _protocol(service: str) -> dict[str, Any]:
    """Return the protocol of a service from the SDK's model: version of its JSON, and prefix of its operations."""
    import botocore.session  # noqa: PLC0415

    model = botocore.session.get_session().get_service_model(_MODELS.get(service, service))
    return dict(model.metadata)


def _failure_of(headers: dict[str, str], answer: bytes) -> str:
    if FUNCTION_ERROR not in headers:
        return ""
    try:
        return str(json.loads(answer).get("errorMessage", ""))
    except (ValueError, AttributeError):
        return answer.decode("utf-8", "replace")


def _json_of(answer: bytes) -> bytes:
    """Return an answer in XML as the JSON that API Gateway gets from SQS and SNS."""
    root = ET.fromstring(answer)  # noqa: S314 - the emulator wrote it
    return json.dumps({_name_of(root): _content_of(root)}).encode()


def _content_of(element: ET.Element) -> Any:
    return {_name_of(child): _content_of(child) for child in element} if len(element) else element.text


def _name_of(element: ET.Element) -> str:
    return element.tag.rsplit("}", 1)[-1]
