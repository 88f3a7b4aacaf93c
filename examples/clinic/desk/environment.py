"""The environment of the clinic's functions."""

from dataclasses import dataclass

from tsunagu import EnvironmentContract


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinicEnvironment(EnvironmentContract):
    """What each function of the clinic knows besides.

    Attributes:
        clinic_table_name: Table of results, tariffs, admissions and reminders: partition key `id`.
    """

    clinic_table_name: str
