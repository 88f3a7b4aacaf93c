"""Loopback HTTP counts as a secure transport.

The queues, topics and buckets of CDK deny every call without `aws:SecureTransport`. A call that never leaves the
machine is treated as one over TLS, so that those policies stay in the template and the rest of them is still checked.
"""

from .ministack_modules import app


def install() -> None:
    """Let every request carry `aws:SecureTransport` = true."""
    pin_request_origin = app.pin_request_origin

    def pin_secure_origin(source_ip: str, _secure_transport: bool) -> None:
        pin_request_origin(source_ip, secure_transport=True)

    app.pin_request_origin = pin_secure_origin
