"""A plugin of pytest for `make mutation`: which tests try a mutant, and in which order.

* The shortest tests go first, because a mutant's first failed test is its last one.
* A test that takes far more of the processor than without the mutant has failed: it loops for ever. mutmut itself waits
  for the time of all tests of the function, several times over.
* mutmut notes which functions each test calls, and tries a mutant with the tests of its function. Calls during imports
  would count as calls of the first test. But a reader of a model, for example, is built by such a call, and used by
  many tests. So a function that is called at import is tried with all tests of its module.
* A mutant by which a module of tests cannot be imported is caught. pytest would say that the tests were not found.
"""

import os
import signal
from collections import defaultdict
from collections.abc import Iterable, MutableMapping

import pytest
from mutmut.mutation.trampoline import get_mutant_under_test
from mutmut.state import state

LEAST_CPU_SECONDS = 10.0  # of a test, before it may be called endless
TIMES_LONGER = 20

_called: set[str] = set()


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """End with the exit code of a failed test, if a module of tests cannot be imported."""
    if report.failed:
        pytest.exit(f"{report.nodeid} cannot be imported", returncode=pytest.ExitCode.TESTS_FAILED)


@pytest.hookimpl(trylast=True)  # that of tests/conftest.py puts the longest first
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort tests by the time that each took while mutmut noted its calls."""
    seconds = state().duration_by_test
    items.sort(key=lambda item: seconds.get(item.nodeid, 0.0))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> None:
    """Let an endless test end the process with the exit code of a failed test."""
    if "__mutmut_" in get_mutant_under_test():
        seconds = state().duration_by_test.get(item.nodeid, 0.0)
        signal.signal(signal.SIGPROF, lambda *_: os._exit(pytest.ExitCode.TESTS_FAILED))
        signal.setitimer(signal.ITIMER_PROF, LEAST_CPU_SECONDS + TIMES_LONGER * seconds)


def pytest_collection_finish() -> None:
    """Take the calls so far away from the first test."""
    _called.update(state()._stats)  # noqa: SLF001 - mutmut has no other place for it
    state()._stats.clear()  # noqa: SLF001


def pytest_sessionfinish() -> None:
    """Give the functions of these calls the tests of their modules; no test is endless any more."""
    signal.setitimer(signal.ITIMER_PROF, 0.0)
    share_tests(_called, state().tests_by_mangled_function_name)


def share_tests(functions: Iterable[str], tests_of: MutableMapping[str, set[str]]) -> None:
    """Add to the tests of `functions` those of every function of the same module.

    Args:
        functions: Dotted names of functions.
        tests_of: The tests of each function that a test calls.
    """
    of_module: dict[str, set[str]] = defaultdict(set)
    for function, tests in tests_of.items():
        of_module[function.rpartition(".")[0]] |= tests
    for function in functions:
        tests_of[function] = tests_of.get(function, set()) | of_module[function.rpartition(".")[0]]
