"""The preprocessor function: Lambda calls `handler` with a request, or with a batch of the entry queue."""

from tsunagu import preprocessor_handler as handler

__all__ = ["handler"]
