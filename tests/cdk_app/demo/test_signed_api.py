import http.server
import threading
from collections.abc import Iterator

import pytest
from botocore.credentials import Credentials

from cdk_app.demo.signed_api import SignedApi, api_of


class Echo(http.server.BaseHTTPRequestHandler):
    """Answers with the first line and the headers of the request; hangs up on the first one of `/flaky`."""

    hung_up: list[str] = []  # noqa: RUF012 - one server a test

    def do_POST(self) -> None:
        if "flaky" in self.path and not self.hung_up:
            self.hung_up.append(self.path)
            self.connection.close()
            return
        text = f"{self.requestline}\n{self.headers}".encode()
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(202)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture
def api() -> Iterator[SignedApi]:
    Echo.hung_up.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/_aws/execute-api/a1/v1"
        yield SignedApi(url=url, region="us-east-1", credentials=Credentials("AKID", "secret"))
        server.shutdown()


def test_request_is_signed_and_has_its_idempotency_key(api: SignedApi) -> None:
    answer = api.post("/reports", "{}", key="k-1")

    text = answer.body.decode()
    assert answer.status == 202
    assert text.startswith("POST /_aws/execute-api/a1/v1/reports HTTP/1.1\n")
    assert "Idempotency-Key: k-1" in text
    assert "Credential=AKID/" in text
    assert "/us-east-1/execute-api/aws4_request" in text
    assert answer.seconds > 0


def test_request_whose_connection_breaks_is_sent_again(api: SignedApi) -> None:
    assert api.post("/flaky", "{}").status == 202
    assert len(Echo.hung_up) == 1


def test_request_without_credentials_is_not_signed(api: SignedApi) -> None:
    unsigned = SignedApi(url=api.url, region=api.region, credentials=None)

    assert b"Authorization" not in unsigned.post("/reports", "{}").body


def test_id_and_stage_are_read_from_the_url() -> None:
    assert api_of("https://a1b2.execute-api.eu-west-1.amazonaws.com/v1/") == ("a1b2", "v1")
