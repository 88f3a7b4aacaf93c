"""A supplier on 127.0.0.1, whose price list a test writes."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit


class FakeSupplier:
    """Answers `GET /prices?page=<number>`.

    Attributes:
        url: Its address.
        pages: Prices by sku, one mapping a page.
        answers: Answers that the next requests get in place of a page: status and body.
        asked: Numbers of the pages that were asked for.
    """

    def __init__(self, pages: Sequence[dict[str, int]]) -> None:
        self.url = ""
        self.pages = pages
        self.answers: list[tuple[int, bytes]] = []
        self.asked: list[int] = []

    def answer(self, number: int) -> tuple[int, bytes]:
        self.asked.append(number)
        if self.answers:
            return self.answers.pop(0)
        articles = [{"sku": sku, "price": price} for sku, price in self.pages[number - 1].items()]
        following = number + 1 if number < len(self.pages) else None
        return 200, json.dumps({"articles": articles, "next": following}).encode()


@contextmanager
def served(supplier: FakeSupplier) -> Iterator[FakeSupplier]:
    """Serve a supplier on a free port."""

    class Handler(BaseHTTPRequestHandler):
        of: ClassVar[FakeSupplier] = supplier

        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            status, body = self.of.answer(int(query["page"][0]))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            """Write nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    supplier.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield supplier
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
