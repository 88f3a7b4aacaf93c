"""Treats HTTP calls on this machine as calls over TLS.

The policies of our queues, topics and buckets deny calls without `aws:SecureTransport`. With this extension they stay
in the template, and the rest of them is still checked.
"""

from .ministack_modules import app


def install() -> None:
    """Set `aws:SecureTransport` to true for every request."""
    pin_request_origin = app.pin_request_origin

    def pin_secure_origin(source_ip: str, _secure_transport: bool) -> None:
        pin_request_origin(source_ip, secure_transport=True)

    app.pin_request_origin = pin_secure_origin
