import re
from pathlib import Path

import pytest

from tests.tsunagu.cdk.assets.conftest import PackageMaker
from tests.tsunagu.cdk.assets.test_build import names_in
from tsunagu.cdk.assets import HandlerPackage, Platform, build_asset
from tsunagu.errors import AssetError


@pytest.fixture
def shared(make_package: PackageMaker) -> Path:
    """A package of models, with no handler."""
    folder = make_package("shared", {"__init__.py": "", "orders.py": "LIMIT = 1\n"})
    (folder / "handler.py").unlink()
    return folder


def hash_of(package: HandlerPackage) -> str:
    return build_asset(package, Platform()).hash


def test_an_included_package_travels_under_its_own_name(make_package: PackageMaker, shared: Path) -> None:
    names = names_in(build_asset(HandlerPackage(path=make_package(), include=[shared]), Platform()).path)

    assert {"shared/__init__.py", "shared/orders.py", "invoices/handler.py"} <= set(names)


def test_an_included_package_of_the_same_parent_brings_the_parents_init_once(make_package: PackageMaker) -> None:
    folder = make_package("lambdas/invoices", {"../__init__.py": "", "__init__.py": ""})
    models = make_package("lambdas/models", {"__init__.py": "", "orders.py": ""})
    (models / "handler.py").unlink()

    names = names_in(build_asset(HandlerPackage(path=folder, include=[models]), Platform()).path)

    assert {name for name in names if name.startswith("lambdas/")} == {
        "lambdas/__init__.py",
        "lambdas/invoices/__init__.py",
        "lambdas/invoices/handler.py",
        "lambdas/models/__init__.py",
        "lambdas/models/orders.py",
    }


def test_the_hash_covers_what_is_included(make_package: PackageMaker, shared: Path) -> None:
    package = HandlerPackage(path=make_package(), include=[shared])
    before = hash_of(package)
    (shared / "orders.py").write_text("LIMIT = 2\n")

    assert hash_of(package) != before
    assert hash_of(HandlerPackage(path=package.path)) != before


def test_including_the_package_itself_or_the_same_folder_twice_changes_nothing(
    make_package: PackageMaker, shared: Path
) -> None:
    folder = make_package()

    assert hash_of(HandlerPackage(path=folder, include=[folder])) == hash_of(HandlerPackage(path=folder))
    assert hash_of(HandlerPackage(path=folder, include=[shared, shared])) == hash_of(
        HandlerPackage(path=folder, include=[shared])
    )


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        ("tsunagu", "a handler package must not be named 'tsunagu', the library's name, got"),
        ("json", "a handler package must not hide a module of the standard library, got a folder named 'json'"),
        ("my-models", "a handler package's folder must have a name that Python can import, got 'my-models'"),
    ],
)
def test_an_included_package_of_a_wrong_name_is_refused(make_package: PackageMaker, place: str, sentence: str) -> None:
    included = make_package(place)

    with pytest.raises(AssetError, match=re.escape(sentence)):
        build_asset(HandlerPackage(path=make_package(), include=[included]), Platform())


def test_an_included_folder_that_does_not_exist_is_refused(make_package: PackageMaker, tmp_path: Path) -> None:
    with pytest.raises(AssetError, match=r"a handler package must be a folder, got .*nothing, which is none"):
        build_asset(HandlerPackage(path=make_package(), include=[tmp_path / "nothing"]), Platform())


def test_two_packages_of_one_name_are_refused(make_package: PackageMaker, shared: Path) -> None:
    other = make_package("elsewhere/shared", {"orders.py": "LIMIT = 3\n"})

    with pytest.raises(AssetError) as refusal:
        build_asset(HandlerPackage(path=make_package(), include=[shared, other]), Platform())

    assert (
        str(refusal.value)
        == f"shared/orders.py must come from one place, got one from {shared} and another from {other}"
    )
