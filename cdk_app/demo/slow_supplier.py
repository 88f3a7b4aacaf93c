"""A supplier on this machine, whose API is slow: it takes its time for each page of its price list."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from urllib.parse import parse_qs, urlsplit

PAGE_ARTICLES = 40


@dataclass(slots=True, kw_only=True)
class SlowSupplier:
    """Answers `GET /prices?page=<number>`.

    Attributes:
        pages: Number of pages, each with 40 articles.
        page_seconds: How long a page takes.
        asked: Requests so far.
        most_at_once: Most requests at the same time.
    """

    pages: int
    page_seconds: float
    asked: int = 0
    most_at_once: int = 0
    _now: int = 0
    _lock: Lock = field(default_factory=Lock)

    @property
    def articles(self) -> int:
        """Number of articles of the price list."""
        return self.pages * PAGE_ARTICLES

    @contextmanager
    def serve(self) -> Iterator[str]:
        """Serve on a free port of 127.0.0.1, and yield the address."""
        answer = self._answer

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = answer(int(parse_qs(urlsplit(self.path).query)["page"][0]))
                with suppress(OSError):  # a worker that was killed does not read it
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, *_arguments: object) -> None:
                """Write nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def _answer(self, number: int) -> bytes:
        with self._lock:
            self.asked += 1
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
        time.sleep(self.page_seconds)
        with self._lock:
            self._now -= 1
        first = (number - 1) * PAGE_ARTICLES
        articles = [{"sku": f"sku-{first + index}", "price": 100 + index} for index in range(PAGE_ARTICLES)]
        following = number + 1 if number < self.pages else None
        return json.dumps({"articles": articles, "next": following}).encode()
