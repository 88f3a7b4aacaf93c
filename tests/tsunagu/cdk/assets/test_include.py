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


def refusal_of(package: HandlerPackage) -> str:
    with pytest.raises(AssetError) as refusal:
        build_asset(package, Platform())
    return str(refusal.value)


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        ("tsunagu", "an included package must not be named 'tsunagu', the library's name, got {}"),
        ("json", "an included package must not hide a module of the standard library, got 'json' at {}"),
        ("my-models", "an included package must have a name that Python can import, got 'my-models'"),
        ("lambda", "an included package must have a name that Python can import, got 'lambda'"),
    ],
)
@pytest.mark.parametrize("suffix", ["", ".py"])
def test_an_included_package_or_module_of_a_wrong_name_is_refused(
    make_package: PackageMaker, place: str, sentence: str, suffix: str
) -> None:
    included = make_package(place).with_suffix(suffix)
    if suffix:
        included.write_text("")

    assert refusal_of(HandlerPackage(path=make_package(), include=[included])) == sentence.format(included)


@pytest.mark.parametrize("name", ["nothing", "nothing.py", "projects/invoices/rates.json"])
def test_what_is_neither_a_folder_nor_a_python_file_is_refused(
    make_package: PackageMaker, tmp_path: Path, name: str
) -> None:
    package = HandlerPackage(path=make_package(files={"rates.json": "{}"}), include=[tmp_path / name])

    assert refusal_of(package) == (
        f"an included package must be a folder or a Python file, got {tmp_path / name}, which is neither"
    )


OVERLAP = "include must name code outside the handler package, each piece once, got"


def test_including_the_package_itself_is_refused(make_package: PackageMaker) -> None:
    folder = make_package()

    assert refusal_of(HandlerPackage(path=folder, include=[folder])) == f"{OVERLAP} {folder} twice"


def test_including_the_same_folder_twice_is_refused(make_package: PackageMaker, shared: Path) -> None:
    package = HandlerPackage(path=make_package(), include=[shared, shared.parent / "." / "shared"])

    assert refusal_of(package) == f"{OVERLAP} {shared} twice"


@pytest.mark.parametrize("inner", ["models", "rates.py"])
def test_including_code_of_the_package_itself_is_refused(make_package: PackageMaker, inner: str) -> None:
    folder = make_package(files={"models/orders.py": "", "rates.py": ""})

    refusal = refusal_of(HandlerPackage(path=folder, include=[folder / inner]))

    assert refusal == f"{OVERLAP} {folder / inner} inside {folder}"


def test_including_the_folder_that_the_package_is_in_is_refused(make_package: PackageMaker) -> None:
    folder = make_package("lambdas/invoices", {"../__init__.py": ""})

    refusal = refusal_of(HandlerPackage(path=folder, include=[folder.parent]))

    assert refusal == f"{OVERLAP} {folder} inside {folder.parent}"


def test_including_a_part_of_an_included_package_is_refused(make_package: PackageMaker, shared: Path) -> None:
    refusal = refusal_of(HandlerPackage(path=make_package(), include=[shared / "orders.py", shared]))

    assert refusal == f"{OVERLAP} {shared}/orders.py inside {shared}"


def test_two_packages_of_one_name_are_refused(make_package: PackageMaker, shared: Path) -> None:
    other = make_package("elsewhere/shared", {"other.py": ""})

    refusal = refusal_of(HandlerPackage(path=make_package(), include=[shared, other]))

    assert refusal == f"shared must be imported from one place, got {shared} and {other}"


def test_a_module_and_a_package_of_one_name_are_refused(make_package: PackageMaker, shared: Path) -> None:
    module = shared.with_suffix(".py")
    module.write_text("")

    refusal = refusal_of(HandlerPackage(path=make_package(), include=[module, shared]))

    assert refusal == f"shared must be imported from one place, got {module} and {shared}"


def test_a_package_inside_another_by_name_alone_is_refused(make_package: PackageMaker, shared: Path) -> None:
    other = make_package("elsewhere/shared/rates", {"../__init__.py": ""})

    refusal = refusal_of(HandlerPackage(path=make_package(), include=[other, shared]))

    assert refusal == f"shared must be imported from one place, got {other} and {shared}"


def test_parents_of_one_name_with_other_contents_are_refused(make_package: PackageMaker) -> None:
    folder = make_package("lambdas/invoices", {"../__init__.py": ""})
    models = make_package("elsewhere/lambdas/models", {"../__init__.py": "VERSION = 2\n"})

    assert refusal_of(HandlerPackage(path=folder, include=[models])) == (
        f"lambdas/__init__.py must come from one place, got one from {folder} and another from {models}"
    )


def test_an_included_module_of_one_file_is_in_the_zip_and_in_the_hash(make_package: PackageMaker) -> None:
    folder = make_package(files={"handler.py": "from rates import VAT\nhandler = VAT\n", "../rates.py": "VAT = 19\n"})
    rates = folder.parent / "rates.py"
    package = HandlerPackage(path=folder, include=[rates])

    before = build_asset(package, Platform())
    rates.write_text("VAT = 20\n")

    assert "rates.py" in names_in(before.path)
    assert hash_of(package) != before.hash


def test_an_included_module_of_a_package_brings_the_parents_init(make_package: PackageMaker) -> None:
    folder = make_package("lambdas/invoices", {"../__init__.py": "", "../rates.py": "", "../unused.py": ""})
    package = HandlerPackage(path=folder, include=[folder.parent / "rates.py"])

    names = names_in(build_asset(package, Platform()).path)

    assert {name for name in names if name.startswith("lambdas/")} == {
        "lambdas/__init__.py",
        "lambdas/invoices/handler.py",
        "lambdas/rates.py",
    }
