"""Front door of handlers: decorators, what a business function is given, the errors that decide, and contracts.

A name is imported when it is first used: this file is in the zip of every function, and a function pays only for what
it uses. Importing `tsunagu` imports nothing else. Stacks have a front door of their own, `tsunagu.cdk`.
"""

TYPE_CHECKING = False  # type checkers take it for True; `typing` itself would be one more module to import
if TYPE_CHECKING:
    from tsunagu.contracts.environment import EnvironmentContract, EnvironmentContractError
    from tsunagu.runtime.clock import Clock, SystemClock
    from tsunagu.runtime.errors import (
        ConditionFailedError,
        InvalidMessageError,
        LeaseLostError,
        MessageError,
        PermanentError,
        RetryableError,
        TaskLostError,
        UnavailableError,
        UnfinishedWorkError,
    )
    from tsunagu.runtime.functions.accepted_request import accepted_request
    from tsunagu.runtime.functions.message_handler import message_handler
    from tsunagu.runtime.functions.message_router import MessageRouter
    from tsunagu.runtime.functions.pipeline_service import pipeline_service
    from tsunagu.runtime.functions.preprocessor import preprocessor_for, preprocessor_handler
    from tsunagu.runtime.functions.request_sweeper import request_sweeper_handler
    from tsunagu.runtime.functions.run_sweeper import run_sweeper_handler
    from tsunagu.runtime.functions.scheduled_job import scheduled_job
    from tsunagu.runtime.functions.table_reader import table_reader
    from tsunagu.runtime.json_text import JsonObject
    from tsunagu.runtime.pipeline.work import Work
    from tsunagu.runtime.receiving.message import Message
    from tsunagu.runtime.receiving.receiver import LambdaContext
    from tsunagu.runtime.requests.request import Request
    from tsunagu.runtime.requests.results import Result
    from tsunagu.runtime.sending.outbox import Outbox
    from tsunagu.runtime.single_flight.run import Continue, Run
    from tsunagu.runtime.table_reader import TableItem, TableKey, TablePage, TableReader
    from tsunagu.runtime.web.current import current_outbox, current_request, idempotent_request
    from tsunagu.runtime.web.requests import IdempotentRequest

__all__ = [
    "Clock",
    "ConditionFailedError",
    "Continue",
    "EnvironmentContract",
    "EnvironmentContractError",
    "IdempotentRequest",
    "InvalidMessageError",
    "JsonObject",
    "LambdaContext",
    "LeaseLostError",
    "Message",
    "MessageError",
    "MessageRouter",
    "Outbox",
    "PermanentError",
    "Request",
    "Result",
    "RetryableError",
    "Run",
    "SystemClock",
    "TableItem",
    "TableKey",
    "TablePage",
    "TableReader",
    "TaskLostError",
    "UnavailableError",
    "UnfinishedWorkError",
    "Work",
    "accepted_request",
    "current_outbox",
    "current_request",
    "idempotent_request",
    "message_handler",
    "pipeline_service",
    "preprocessor_for",
    "preprocessor_handler",
    "request_sweeper_handler",
    "run_sweeper_handler",
    "scheduled_job",
    "table_reader",
]

_ERRORS = "tsunagu.runtime.errors"
_TABLE_READER = "tsunagu.runtime.table_reader"
_CURRENT = "tsunagu.runtime.web.current"
_MODULES = {
    "Clock": "tsunagu.runtime.clock",
    "ConditionFailedError": _ERRORS,
    "Continue": "tsunagu.runtime.single_flight.run",
    "EnvironmentContract": "tsunagu.contracts.environment",
    "EnvironmentContractError": "tsunagu.contracts.environment",
    "IdempotentRequest": "tsunagu.runtime.web.requests",
    "InvalidMessageError": _ERRORS,
    "JsonObject": "tsunagu.runtime.json_text",
    "LambdaContext": "tsunagu.runtime.receiving.receiver",
    "LeaseLostError": _ERRORS,
    "Message": "tsunagu.runtime.receiving.message",
    "MessageError": _ERRORS,
    "MessageRouter": "tsunagu.runtime.functions.message_router",
    "Outbox": "tsunagu.runtime.sending.outbox",
    "PermanentError": _ERRORS,
    "Request": "tsunagu.runtime.requests.request",
    "Result": "tsunagu.runtime.requests.results",
    "RetryableError": _ERRORS,
    "Run": "tsunagu.runtime.single_flight.run",
    "SystemClock": "tsunagu.runtime.clock",
    "TableItem": _TABLE_READER,
    "TableKey": _TABLE_READER,
    "TablePage": _TABLE_READER,
    "TableReader": _TABLE_READER,
    "TaskLostError": _ERRORS,
    "UnavailableError": _ERRORS,
    "UnfinishedWorkError": _ERRORS,
    "Work": "tsunagu.runtime.pipeline.work",
    "accepted_request": "tsunagu.runtime.functions.accepted_request",
    "current_outbox": _CURRENT,
    "current_request": _CURRENT,
    "idempotent_request": _CURRENT,
    "message_handler": "tsunagu.runtime.functions.message_handler",
    "pipeline_service": "tsunagu.runtime.functions.pipeline_service",
    "preprocessor_for": "tsunagu.runtime.functions.preprocessor",
    "preprocessor_handler": "tsunagu.runtime.functions.preprocessor",
    "request_sweeper_handler": "tsunagu.runtime.functions.request_sweeper",
    "run_sweeper_handler": "tsunagu.runtime.functions.run_sweeper",
    "scheduled_job": "tsunagu.runtime.functions.scheduled_job",
    "table_reader": "tsunagu.runtime.functions.table_reader",
}

if not TYPE_CHECKING:  # a type checker must still find that a name does not exist

    def __getattr__(name: str) -> object:
        """Import a public name when it is first used, with the garbage collector paused.

        Raises:
            AttributeError: `tsunagu` exports no such name.
        """
        if name not in _MODULES:
            msg = f"module 'tsunagu' has no attribute {name!r}; it exports {', '.join(__all__)}"
            raise AttributeError(msg)
        from importlib import import_module  # noqa: PLC0415 - importing tsunagu imports nothing

        from tsunagu.runtime.startup import without_collection  # noqa: PLC0415

        with without_collection():
            value = getattr(import_module(_MODULES[name]), name)
        globals()[name] = value  # so that the next use does not come here
        return value

    def __dir__() -> list[str]:
        """Return what `tsunagu` exports, and what any module has."""
        return sorted({*globals(), *__all__})
