"""The clinic's table: its name, and its reader."""

import functools
import os

from tsunagu import TableReader, table_reader

from .environment import ClinicEnvironment


@functools.cache
def table_name() -> str:
    """Return the name of the table."""
    return ClinicEnvironment.from_environment(os.environ).clinic_table_name


@functools.cache
def reader() -> TableReader:
    """Return the reader of the table."""
    return table_reader(table_name())
