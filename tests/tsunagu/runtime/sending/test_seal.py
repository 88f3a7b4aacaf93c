"""The seal of a message: open at first; once it is closed, the first refusal is kept."""

import pytest

from tsunagu.runtime.sending.seal import Seal


def test_new_seal_is_open_and_refuses_nothing() -> None:
    seal = Seal()

    seal.check("a write")

    assert seal.is_closed is False
    assert seal.broken is None


def test_first_refusal_is_kept() -> None:
    seal = Seal()
    seal.is_closed = True

    with pytest.raises(RuntimeError) as first:
        seal.check("a write")
    with pytest.raises(RuntimeError, match=r"^another reason$"):
        seal.refuse("another reason")

    assert seal.broken is first.value
    assert str(first.value) == (
        "a write must be given before the message is completed, got it after: it is not carried out"
    )
