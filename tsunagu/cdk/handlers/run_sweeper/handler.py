"""The run sweeper function: a schedule invokes `handler` each five minutes."""

from tsunagu import run_sweeper_handler as handler

__all__ = ["handler"]
