"""The sweeper of a pipeline's runs as a Lambda function, with its AWS clients. A schedule invokes it."""

import functools
import os
from dataclasses import dataclass

from tsunagu.runtime.startup import without_collection

with without_collection():
    from tsunagu.contracts.pipeline import RunSweeperEnvironment
    from tsunagu.runtime import telemetry
    from tsunagu.runtime.aws.clients import client_config, dynamodb_client
    from tsunagu.runtime.aws.dynamodb import DynamoDbItemStore
    from tsunagu.runtime.aws.open_runs import deployed_open_runs
    from tsunagu.runtime.clock import Clock, SystemClock, new_jitter
    from tsunagu.runtime.errors import UnavailableError
    from tsunagu.runtime.functions import wiring
    from tsunagu.runtime.pipeline.run_sweeper import RunSweeper
    from tsunagu.runtime.pipeline.shape import Pipeline
    from tsunagu.runtime.receiving.receiver import LambdaContext

Counts = dict[str, int]


@dataclass(frozen=True, slots=True)
class DeployedRunSweeper:
    """The sweeper of a function that `RunSweeper` deployed.

    Attributes:
        sweeper: The sweeper.
        clock: The time.
    """

    sweeper: RunSweeper
    clock: Clock

    def run(self, context: LambdaContext) -> Counts:
        """Run once, until all is looked at or the time is over.

        Raises:
            UnavailableError: A call failed. What it was for is looked at again in the next run.
        """
        report = self.sweeper.run(self.clock.now_ms() + context.get_remaining_time_in_millis())
        if report.problem is not None:
            msg = f"the sweep is incomplete: {report.problem}"
            raise UnavailableError(msg, call=report.problem)
        return {"looked_at": report.looked_at, "closed": report.closed, "unfinished": report.unfinished}


@without_collection()
def run_sweeper() -> DeployedRunSweeper:
    """Build the sweeper of a function that `RunSweeper` deployed. Call it once per process.

    Raises:
        EnvironmentContractError: An environment variable is missing or wrong.
    """
    with wiring.loud_start():
        environment = RunSweeperEnvironment.from_environment(os.environ)
    scope, clock = f"{environment.pipeline}.runs", SystemClock()
    telemetry.configure(scope)
    client = dynamodb_client(client_config(environment.function_timeout_seconds))
    table_name = environment.idempotency_table_name
    sweeper = RunSweeper(
        deployed_open_runs(Pipeline.from_text(environment.pipeline, environment.steps), client, table_name),
        DynamoDbItemStore(client, table_name),
        wiring.metrics(environment.metrics_namespace, scope, clock),
        clock,
        new_jitter(),  # the order of partitions
        longest_run_seconds=environment.longest_run_seconds,
    )
    return DeployedRunSweeper(sweeper, clock)


_cached_sweeper = functools.cache(run_sweeper)


def run_sweeper_handler(_event: object, context: LambdaContext) -> Counts:
    """Look at the open runs of a pipeline: the Lambda handler of a sweeper, which `RunSweeper` deploys.

    Returns:
        How many runs it looked at, how many it took out of the index, and how many should have ended long ago.

    Raises:
        EnvironmentContractError: An environment variable is missing or wrong.
        UnavailableError: A call failed. What it was for is looked at again in the next run.
    """
    return _cached_sweeper().run(context)
