"""Front door of tests: a handler in memory, builders of events, snapshots of templates, and the embedded cloud.

A name is imported when it is first used. The fixtures of the pytest plugin are in `tsunagu.testing.plugin`.
"""

TYPE_CHECKING = False  # type checkers take it for True
if TYPE_CHECKING:
    from tsunagu.testing.cloud.account import CloudAccount
    from tsunagu.testing.cloud.faults import FaultRates
    from tsunagu.testing.events.http import (
        function_url_event,
        http_api_1_event,
        http_api_event,
        load_balancer_event,
        rest_api_event,
    )
    from tsunagu.testing.events.others import (
        eventbridge_event,
        gateway_request_event,
        lambda_destination_event,
        pipe_event,
        s3_event,
        scheduled_event,
        stream_event,
    )
    from tsunagu.testing.events.sqs import (
        PartialBatchResponse,
        SqsEvent,
        SqsRecord,
        fifo_event,
        sns_event,
        sns_message,
        sqs_event,
        sqs_record,
    )
    from tsunagu.testing.explorer.schedule import Explored
    from tsunagu.testing.fake_tables import FakeTable
    from tsunagu.testing.handlers.once import NotOnceError
    from tsunagu.testing.handlers.seen import DeadLetter, SentOn
    from tsunagu.testing.handlers.world import HandlerWorld
    from tsunagu.testing.patience import eventually
    from tsunagu.testing.templates.snapshot import TemplateSnapshot

_HTTP, _OTHERS, _SQS = (f"tsunagu.testing.events.{name}" for name in ("http", "others", "sqs"))
_SEEN = "tsunagu.testing.handlers.seen"
_MODULES = {
    "CloudAccount": "tsunagu.testing.cloud.account",
    "DeadLetter": _SEEN,
    "Explored": "tsunagu.testing.explorer.schedule",
    "FaultRates": "tsunagu.testing.cloud.faults",
    "FakeTable": "tsunagu.testing.fake_tables",
    "HandlerWorld": "tsunagu.testing.handlers.world",
    "NotOnceError": "tsunagu.testing.handlers.once",
    "PartialBatchResponse": _SQS,
    "SentOn": _SEEN,
    "SqsEvent": _SQS,
    "SqsRecord": _SQS,
    "TemplateSnapshot": "tsunagu.testing.templates.snapshot",
    "eventbridge_event": _OTHERS,
    "eventually": "tsunagu.testing.patience",
    "fifo_event": _SQS,
    "function_url_event": _HTTP,
    "gateway_request_event": _OTHERS,
    "http_api_1_event": _HTTP,
    "http_api_event": _HTTP,
    "lambda_destination_event": _OTHERS,
    "load_balancer_event": _HTTP,
    "pipe_event": _OTHERS,
    "rest_api_event": _HTTP,
    "s3_event": _OTHERS,
    "scheduled_event": _OTHERS,
    "sns_event": _SQS,
    "sns_message": _SQS,
    "sqs_event": _SQS,
    "sqs_record": _SQS,
    "stream_event": _OTHERS,
}

__all__ = [
    "CloudAccount",
    "DeadLetter",
    "Explored",
    "FakeTable",
    "FaultRates",
    "HandlerWorld",
    "NotOnceError",
    "PartialBatchResponse",
    "SentOn",
    "SqsEvent",
    "SqsRecord",
    "TemplateSnapshot",
    "eventbridge_event",
    "eventually",
    "fifo_event",
    "function_url_event",
    "gateway_request_event",
    "http_api_1_event",
    "http_api_event",
    "lambda_destination_event",
    "load_balancer_event",
    "pipe_event",
    "rest_api_event",
    "s3_event",
    "scheduled_event",
    "sns_event",
    "sns_message",
    "sqs_event",
    "sqs_record",
    "stream_event",
]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Import a public name when it is first used.

        Raises:
            AttributeError: There is no such name.
        """
        if name not in _MODULES:
            msg = f"module 'tsunagu.testing' has no attribute {name!r}; it exports {', '.join(__all__)}"
            raise AttributeError(msg)
        from importlib import import_module  # noqa: PLC0415 - importing the package imports nothing

        value = globals()[name] = getattr(import_module(_MODULES[name]), name)
        return value

    def __dir__() -> list[str]:
        """Return what `tsunagu.testing` exports, and what any module has."""
        return sorted({*globals(), *__all__})
