"""The decorator `scheduled_job`: makes a Lambda handler of a function that is the work of a scheduled job."""

import functools
import inspect
import os
from collections.abc import Callable

from tsunagu.runtime.startup import without_collection

with without_collection():
    from tsunagu.contracts.environment import EnvironmentContractError, ReceiverEnvironment
    from tsunagu.contracts.schedules import ScheduledJobEnvironment, is_job_name
    from tsunagu.runtime import telemetry
    from tsunagu.runtime.functions import wiring
    from tsunagu.runtime.functions.adapters import FunctionStart
    from tsunagu.runtime.functions.arguments import check_text
    from tsunagu.runtime.functions.wiring import LambdaHandler, Response
    from tsunagu.runtime.idempotency.keys import key_space
    from tsunagu.runtime.receiving.model import check_plain, hints_of
    from tsunagu.runtime.receiving.receiver import LambdaContext, Receiver
    from tsunagu.runtime.single_flight.job_message import JobMessage
    from tsunagu.runtime.single_flight.outcomes import FailureTeller, OutcomeSender
    from tsunagu.runtime.single_flight.processor import RunProcessor
    from tsunagu.runtime.single_flight.run import Run

_EITHER = inspect.Parameter.POSITIONAL_OR_KEYWORD

JobFunction = Callable[[Run], object]


def scheduled_job(name: str) -> Callable[[JobFunction], LambdaHandler]:
    """Make a Lambda handler of the work of a scheduled job. `SingleFlightSchedule` deploys the Lambda function.

    ```python
    from tsunagu import Run, scheduled_job


    @scheduled_job("supplier-sync")
    def handler(run: Run) -> dict[str, int]:
        prices = supplier.prices()
        run.raise_if_lost()
        run.put(TABLE, {"supplier": "acme", "run": run.number, "prices": prices})
        return {"prices": len(prices)}
    ```

    The function takes the run. It returns the outcome, a JSON value or None, which is the output of the execution; or
    it raises `Continue`, and another invocation goes on. The error that it raises decides what happens to the message
    of the run (`runtime.errors`). When the attempts are spent, the execution fails, with the reason.

    While the function works, a thread of the runtime extends its lease. So the function must not hold the interpreter
    for as long as a lease, in a call that is not written in Python.

    The first invocation reads the environment and makes the clients. A wrong use of the decorator raises at import.

    Args:
        name: Name of the job, as the construct has it: 1 to 64 letters, digits, hyphens and underscores.

    Raises:
        TypeError: The function is not a plain function that takes a `Run`.
        ValueError: The name is out of range.
    """
    check_text("name", name)
    if not is_job_name(name):
        msg = f"name must be 1 to 64 letters, digits, hyphens and underscores, got {name!r}"
        raise ValueError(msg)

    def decorate(function: JobFunction) -> LambdaHandler:
        _check(function)

        return wiring.lambda_handler(
            function, FunctionStart("scheduled_job", name, functools.partial(_Worker, name, function))
        )

    return decorate


class _Worker:
    """The receiver of a job, and the processor that it hands messages to."""

    @without_collection()
    def __init__(self, name: str, function: JobFunction) -> None:
        environment, lease_seconds = _environment(name)
        telemetry.configure(name, function, log_tracebacks=environment.log_tracebacks)
        adapters = wiring.adapters()
        ports = adapters.ports(environment, name)
        self._clock = ports.clock
        self._processor = RunProcessor(
            name,
            function,
            leases=adapters.leases(ports.store),
            tasks=ports.tasks,
            metrics=ports.metrics,
            clock=ports.clock,
            start_ticker=adapters.start_ticker,
            table_name=environment.idempotency_table_name,
            queue_url=environment.queue_url,
            lease_seconds=lease_seconds,
            function_timeout_seconds=environment.function_timeout_seconds,
        )
        keys = key_space(name, environment.queue_arn, environment.shared_keys)
        whose = environment.shared_keys or environment.queue_arn
        self._receiver: Receiver[JobMessage] = Receiver(
            wiring.receiver_config(environment, keys, receiver=whose),
            ports._replace(
                outbox=OutcomeSender(ports.outbox), channel=ports.channel.telling(FailureTeller(ports.outbox))
            ),
            parse=self._processor.parse,
            key=lambda job_message: job_message.key,
            process=wiring.without_blame(self._processor.process),
        )

    def receive(self, event: object, context: LambdaContext) -> Response:
        self._processor.deadline_ms = self._clock.now_ms() + context.get_remaining_time_in_millis()
        return self._receiver.receive(event, context)


def _environment(name: str) -> tuple[ReceiverEnvironment, int]:
    """Return the environment of the function, and the length of a lease in seconds.

    Raises:
        EnvironmentContractError: A variable is missing or wrong, or the function was deployed for another job.
    """
    with wiring.loud_start(name):
        environment = ReceiverEnvironment.from_environment(os.environ)
        job = ScheduledJobEnvironment.from_environment(os.environ).job
        if job != name:
            msg = f"JOB must be the name that the handler has, {name}, got another one"
            raise EnvironmentContractError(msg)
        if environment.lease_seconds is None:
            msg = "LEASE_SECONDS must be set for a scheduled job, whose heartbeats extend its lease, got 0"
            raise EnvironmentContractError(msg)
        return environment, environment.lease_seconds


def _check(function: JobFunction) -> None:
    name = check_plain(function)
    parameters = [*inspect.signature(function).parameters.values()]
    needed = [each for each in parameters if each.default is each.empty]
    takes_one = len(needed) == 1 and needed[0].kind in {inspect.Parameter.POSITIONAL_ONLY, _EITHER}
    hint = hints_of(name, function).get(needed[0].name, Run) if takes_one else None
    if hint is None or (isinstance(hint, type) and not issubclass(Run, hint)):
        got = ", ".join(map(str, parameters))
        msg = f"{name} must take a Run, got the parameters ({got})"
        raise TypeError(msg)
