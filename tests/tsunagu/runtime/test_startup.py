import gc
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tsunagu.runtime.startup import without_collection


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    yield
    gc.unfreeze()
    gc.enable()


def test_collector_is_off_during_the_start_and_on_after_it() -> None:
    with without_collection():
        during = gc.isenabled()

    assert not during
    assert gc.isenabled()


def test_what_the_start_created_is_not_examined_again() -> None:
    with without_collection():
        made = [object()]

    assert gc.is_tracked(made)
    assert not any(each is made for each in gc.get_objects())  # lists what collections go through


def test_collector_is_on_after_a_start_that_failed() -> None:
    with pytest.raises(LookupError), without_collection():
        raise LookupError

    assert gc.isenabled()


def test_collector_that_was_off_stays_off() -> None:
    gc.disable()

    with without_collection():
        pass

    assert not gc.isenabled()


@pytest.mark.parametrize("module", ["lambdas.payments.handler", "tsunagu.runtime.functions.message_handler"])
def test_collector_is_off_while_a_handler_is_imported(module: str) -> None:
    program = f"import gc; import {module}; print(sum(each['collections'] for each in gc.get_stats()), gc.isenabled())"
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    collections, is_enabled = printed.split()
    assert is_enabled == "True"
    assert int(collections) < 40  # those before the pause; without it some hundred
