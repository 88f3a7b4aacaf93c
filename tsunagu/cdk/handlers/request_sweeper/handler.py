"""The sweeper function: a schedule invokes `handler` each minute."""

from tsunagu import request_sweeper_handler as handler

__all__ = ["handler"]
