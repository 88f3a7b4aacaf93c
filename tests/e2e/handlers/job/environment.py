"""What the stack tells the job."""

from dataclasses import dataclass

from tsunagu import EnvironmentContract


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEnvironment(EnvironmentContract):
    """What the job needs besides.

    Attributes:
        runs_table_name: Table with the partition key `id`: the plan, and what each run did.
    """

    runs_table_name: str
