"""HTTP events: answers them by Mangum, which is built once."""

import logging
from typing import Any, cast

from tsunagu.runtime.web.background import refuse_background_tasks, serving
from tsunagu.runtime.web.lifespan import Lifespan
from tsunagu.runtime.web.once import AsgiApplication, Receive, Scope, Send, has_header, receiving, whole_body

PROBLEM_TYPE = "application/problem+json"  # text: API Gateway gets any other type as Base64


class HttpAdapter:
    """Answers HTTP events by an ASGI application.

    Args:
        application: The application, with its requests that take effect once.
        lifespan: Its lifespan, whose state each request gets.
        base_path: Path of a custom domain's mapping, which the application does not know.
    """

    def __init__(self, application: AsgiApplication, lifespan: Lifespan, *, base_path: str) -> None:
        # Only functions with a web application have Mangum installed.
        from mangum import Mangum  # noqa: PLC0415
        from mangum.adapter import DEFAULT_TEXT_MIME_TYPES  # noqa: PLC0415
        from mangum.handlers import APIGateway, HTTPGateway  # noqa: PLC0415

        logging.getLogger("mangum").setLevel(logging.WARNING)  # at INFO it logs each path, which may have values
        refuse_background_tasks()
        self._application = application
        self._lifespan = lifespan
        # The lifespan of Mangum begins and ends with each request.
        self._mangum = Mangum(
            cast("Any", self._serve),
            lifespan="off",
            api_gateway_base_path=base_path,
            custom_handlers=[HTTPGateway, APIGateway],  # asked first; none of them takes an event of a load balancer
            text_mime_types=[*DEFAULT_TEXT_MIME_TYPES, PROBLEM_TYPE],
        )

    def answer(self, event: Any, context: Any) -> dict[str, Any]:
        """Answer an HTTP event."""
        return self._mangum(event, context)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        serving()
        scope["state"] = dict(self._lifespan.state)
        if scope["aws.event"].get("body") and not has_header(scope["headers"], b"content-length"):
            # A REST API leaves it out. A WSGI application would take the body for an empty one.
            body = await whole_body(receive)
            scope["headers"].append([b"content-length", str(len(body)).encode()])
            receive = receiving(body, receive)
        await self._application(scope, receive, send)
