from pathlib import Path

import pytest

from cdk_app.shadowing import check_lambdas, found_lambdas

OURS = Path(__file__).resolve().parents[2] / "lambdas"


def test_our_own_lambdas_is_accepted() -> None:
    check_lambdas(found_lambdas())


@pytest.mark.parametrize("found", ["/project/lambdas/__init__.py", None])
def test_another_lambdas_or_none_is_told_in_a_sentence(found: str | None) -> None:
    with pytest.raises(ImportError) as refusal:
        check_lambdas(found)

    assert str(refusal.value) == (
        f"the package 'lambdas' must be Tsunagu's, in {OURS}, got {found}: rename the one that hides it"
    )
