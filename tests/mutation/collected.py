"""Runs mutmut with tests that are read once: the process of each mutant is a fork of one that has collected them.

mutmut itself collects the tests of each mutant anew, which takes several times as long as running them.

What the modules of tests call while they are imported is not mutated here, because they are imported before a mutant is
set. So a mutant that survives here is tried once more, by mutmut alone, in a process that has imported nothing.
"""

import sys
from collections.abc import Iterable
from typing import Any

import pytest
from _pytest.config import _prepareconfig
from mutmut.__main__ import cli
from mutmut.runners.harness import PytestRunner
from mutmut.state import state
from mutmut.utils.file_utils import change_cwd
from mutmut.workers import isolation


class CollectedTests(PytestRunner):
    """Collects the tests once, and runs those of a mutant in a fork of this process."""

    _session: Any = None

    def warm_up(self) -> None:
        """Begin a session of pytest and collect all tests, as `pytest` does before it runs them."""
        arguments = ["--rootdir=.", "--tb=native", "-q", "--capture=no", "-p", "no:randomly", "-p", "no:random-order"]
        with change_cwd("mutants"):
            config = _prepareconfig([*arguments, *self._pytest_add_cli_args, *self._pytest_add_cli_args_test_selection])
            config._do_configure()  # noqa: SLF001 - as pytest-xdist does in its workers
            self._session = pytest.Session.from_config(config)
            config.hook.pytest_sessionstart(session=self._session)
            config.hook.pytest_collection(session=self._session)

    def run_tests(self, *, mutant_name: str | None, tests: Iterable[str]) -> int:
        """Run tests until one fails, the shortest first; return the exit code that pytest would have."""
        if self._session is None:
            code: int = super().run_tests(mutant_name=mutant_name, tests=tests)
            return code
        seconds, wanted = state().duration_by_test, set(tests)
        items = [item for item in self._session.items if item.nodeid in wanted]
        items.sort(key=lambda item: seconds.get(item.nodeid, 0.0))
        with change_cwd("mutants"):
            for item, following in zip(items, [*items[1:], None], strict=True):
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                if self._session.testsfailed:
                    return pytest.ExitCode.TESTS_FAILED
        return pytest.ExitCode.OK if items else pytest.ExitCode.NO_TESTS_COLLECTED


if __name__ == "__main__":
    isolation.PytestRunner = CollectedTests  # type: ignore[attr-defined] # mutmut has no setting for it
    sys.exit(cli())
