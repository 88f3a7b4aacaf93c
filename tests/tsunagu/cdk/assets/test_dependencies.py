import hashlib
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tsunagu.cdk.assets.conftest import PackageMaker
from tsunagu.cdk.assets import HandlerPackage, Platform, build_asset
from tsunagu.errors import AssetError

WheelMaker = Callable[..., str]


@pytest.fixture
def make_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WheelMaker:
    """Write a wheel where uv finds it, and return its line for a lock; uv sees no other index."""
    index = tmp_path / "index"
    index.mkdir()
    monkeypatch.setenv("UV_FIND_LINKS", str(index))
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))

    def make(name: str, *, tag: str = "py3-none-any", source: str = "", needs: str = "", script: bool = False) -> str:
        path = index / f"{name}-1.0-{tag}.whl"
        info = f"{name}-1.0.dist-info"
        with zipfile.ZipFile(path, "w") as wheel:
            wheel.writestr(f"{name}/__init__.py", source)
            wheel.writestr(f"{name}/.libs/shared.so", "binary")
            requires = f"Requires-Dist: {needs}\n" if needs else ""
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{requires}")
            wheel.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
            if script:
                wheel.writestr(f"{info}/entry_points.txt", f"[console_scripts]\n{name} = {name}:main\n")
            wheel.writestr(f"{info}/RECORD", "")
        return f"{name}==1.0 --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"

    return make


def names_in(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def refusal_of(package: HandlerPackage) -> str:
    with pytest.raises(AssetError) as refusal:
        build_asset(package, Platform())
    return str(refusal.value)


def test_wheels_of_the_lock_are_in_the_asset_and_traces_of_their_installation_are_not(
    make_package: PackageMaker, make_wheel: WheelMaker
) -> None:
    folder = make_package(files={"requirements.txt": make_wheel("rates", script=True)})

    names = names_in(build_asset(HandlerPackage(path=folder), Platform()).path)

    assert [name for name in names if not name.startswith(("tsunagu/", "invoices/"))] == [
        "rates-1.0.dist-info/METADATA",
        "rates-1.0.dist-info/WHEEL",
        "rates-1.0.dist-info/entry_points.txt",
        "rates/.libs/shared.so",
        "rates/__init__.py",
    ]


def test_lock_may_be_elsewhere(make_package: PackageMaker, make_wheel: WheelMaker, tmp_path: Path) -> None:
    lock = tmp_path / "invoices.lock"
    lock.write_text(make_wheel("rates"))

    names = names_in(build_asset(HandlerPackage(path=make_package(), requirements=lock), Platform()).path)

    assert "rates/__init__.py" in names


def test_with_a_warm_cache_neither_the_index_nor_uv_is_needed(
    make_package: PackageMaker, make_wheel: WheelMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = HandlerPackage(path=make_package(files={"requirements.txt": make_wheel("rates")}))
    first = build_asset(package, Platform())
    monkeypatch.setenv("UV_FIND_LINKS", "/nowhere")
    monkeypatch.setattr("uv.find_uv_bin", lambda: "/nowhere/uv")

    assert build_asset(package, Platform()) == first


def test_a_comment_in_a_lock_elsewhere_changes_nothing(
    make_package: PackageMaker, make_wheel: WheelMaker, tmp_path: Path
) -> None:
    package = HandlerPackage(path=make_package(), requirements=tmp_path / "lock.txt")
    line = make_wheel("rates")
    (tmp_path / "lock.txt").write_text(line)
    plain = build_asset(package, Platform()).hash

    requirement, value = line.split(" ")
    (tmp_path / "lock.txt").write_text(f"# made by a tool\n\n{requirement} \\\n    {value}\n    # via invoices\n")

    assert build_asset(package, Platform()).hash == plain


@pytest.mark.parametrize(
    ("platform", "tag"),
    [
        (Platform(architecture="arm64"), "cp313-cp313-manylinux_2_28_aarch64"),
        (Platform(architecture="x86_64"), "cp313-cp313-manylinux_2_28_x86_64"),
        (Platform(python="3.12"), "cp312-cp312-manylinux_2_28_aarch64"),
        (Platform(python="3.11"), "cp311-cp311-manylinux_2_17_aarch64"),
    ],
)
def test_wheels_are_those_of_the_functions_python_and_architecture(
    make_package: PackageMaker, make_wheel: WheelMaker, platform: Platform, tag: str
) -> None:
    folder = make_package(files={"requirements.txt": make_wheel("rates", tag=tag)})

    assert "rates/__init__.py" in names_in(build_asset(HandlerPackage(path=folder), platform).path)


def test_wheel_that_needs_a_newer_glibc_than_python_3_11_has_on_lambda_is_refused(
    make_package: PackageMaker, make_wheel: WheelMaker
) -> None:
    line = make_wheel("rates", tag="cp311-cp311-manylinux_2_28_aarch64")
    package = HandlerPackage(path=make_package(files={"requirements.txt": line}))

    with pytest.raises(AssetError, match="could not be installed for aarch64-manylinux_2_17"):
        build_asset(package, Platform(python="3.11"))


def test_same_code_with_other_wheels_has_another_hash(make_package: PackageMaker, make_wheel: WheelMaker) -> None:
    tags = {"arm64": "cp313-cp313-manylinux_2_28_aarch64", "x86_64": "cp313-cp313-manylinux_2_28_x86_64"}
    lines = [make_wheel("rates", tag=tag, source=tag).partition(" ")[2] for tag in tags.values()]
    package = HandlerPackage(path=make_package(files={"requirements.txt": f"rates==1.0 {' '.join(lines)}"}))

    hashes = {build_asset(package, Platform(architecture=name)).hash for name in ("arm64", "x86_64")}

    assert len(hashes) == 2


@pytest.mark.parametrize(
    "line",
    [
        "rates",
        "rates==1.0",
        "rates>=1.0 --hash=sha256:" + "0" * 64,
        "rates==1.* --hash=sha256:" + "0" * 64,
        "rates==1.0 --hash=md5:" + "0" * 32,
        "rates @ https://example.org/rates-1.0-py3-none-any.whl --hash=sha256:" + "0" * 64,
        "-r other.txt",
        "--index-url https://example.org/simple",
        "-e .",
    ],
)
def test_fails_with_the_number_of_a_line_that_is_not_pinned_with_a_hash(make_package: PackageMaker, line: str) -> None:
    folder = make_package(files={"requirements.txt": f"# dependencies\n\n{line}\n"})

    assert refusal_of(HandlerPackage(path=folder)) == (
        f"{folder}/requirements.txt line 3 must be 'name==version --hash=sha256:...', "
        f"got {line.partition(' --hash')[0]!r}"
    )


@pytest.mark.parametrize("lock", ["", "# nothing\n"])
def test_an_empty_lock_needs_nothing(make_package: PackageMaker, lock: str) -> None:
    folder = make_package(files={"requirements.txt": lock})

    assert build_asset(HandlerPackage(path=folder), Platform()).hash


def test_fails_when_a_wheel_has_another_hash(make_package: PackageMaker, make_wheel: WheelMaker) -> None:
    make_wheel("rates")
    folder = make_package(files={"requirements.txt": "rates==1.0 --hash=sha256:" + "0" * 64})

    message = refusal_of(HandlerPackage(path=folder))

    assert message.startswith(f"dependencies of {folder}/requirements.txt could not be installed for aarch64-")
    assert "Hash mismatch" in message
    assert "\n" not in message


def test_fails_when_the_lock_lacks_what_a_wheel_needs(make_package: PackageMaker, make_wheel: WheelMaker) -> None:
    make_wheel("currencies")
    folder = make_package(files={"requirements.txt": make_wheel("rates", needs="currencies")})

    assert "currencies" in refusal_of(HandlerPackage(path=folder))


def test_fails_when_a_dependency_and_the_package_have_the_same_file(
    make_package: PackageMaker, make_wheel: WheelMaker
) -> None:
    line = make_wheel("invoices", source="x = 1")
    folder = make_package(files={"__init__.py": "", "requirements.txt": line})

    assert refusal_of(HandlerPackage(path=folder)) == (
        "invoices/__init__.py must come from one place, got one from the handler package and another from "
        "its dependencies"
    )


def test_a_damaged_cache_of_dependencies_is_filled_again(
    make_package: PackageMaker, make_wheel: WheelMaker, cache: Path
) -> None:
    package = HandlerPackage(path=make_package(files={"requirements.txt": make_wheel("rates")}))
    first = build_asset(package, Platform())
    (entry,) = (cache / "dependencies").iterdir()
    whole = entry.read_bytes()
    entry.write_bytes(whole[:-30])
    shutil.rmtree(cache / "builds")  # so that the dependencies are read

    assert build_asset(package, Platform()) == first
    assert entry.read_bytes() == whole


def test_fails_with_a_sentence_when_uv_is_not_installed(
    make_package: PackageMaker, make_wheel: WheelMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = HandlerPackage(path=make_package(files={"requirements.txt": make_wheel("rates")}))
    monkeypatch.setitem(__import__("sys").modules, "uv", None)

    assert refusal_of(package) == (
        "uv installs the dependencies of handlers and finds their Python: install 'tsunagu[cdk]', got no uv"
    )
