"""A server that answers as AWS must not: it refuses, answers garbage, or breaks off."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ERROR = "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{text}</Message></Error></ErrorResponse>"
NOT_ALLOWED = (
    "User: arn:aws:sts::111122223333:assumed-role/operator/jo is not authorized to perform: "
    "cloudformation:DescribeStacks on resource: arn:aws:cloudformation:eu-central-1:111122223333:stack/shop/*"
)
# How a server answers each request, by its name: status and body. None: it breaks off.
ANSWERS: dict[str, tuple[int, str] | None] = {
    "denies": (403, ERROR.format(code="AccessDenied", text=NOT_ALLOWED)),
    "is overloaded": (400, ERROR.format(code="Throttling", text="Rate exceeded")),
    "is broken": (500, "<html>Internal Server Error</html>"),
    "answers garbage": (200, "<DescribeStacksResponse><unclosed>"),
    "breaks off": None,
}


@contextmanager
def served(answer: tuple[int, str] | None) -> Iterator[str]:
    """Serve one answer to every request on 127.0.0.1; yield the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            if answer is None:
                self.close_connection = True
                return
            status, body = answer
            self.send_response(status)
            self.send_header("content-type", "text/xml")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        do_GET = do_POST  # noqa: N815 - the name that the server looks for

        def log_message(self, *_: object) -> None:  # nothing on standard error, which tests read
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
