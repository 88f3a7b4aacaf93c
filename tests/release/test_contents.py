import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from release.build import PROJECT, Distributions
from release.contents import problems, project_version

INFO = f"tsunagu-{project_version()}.dist-info"
METADATA = (
    f"Metadata-Version: 2.4\nName: tsunagu\nVersion: {project_version()}\nDescription-Content-Type: text/markdown\n\n"
    f"## Changes in {project_version()}\n"
)
WHEEL = {
    "tsunagu/__init__.py": "",
    "tsunagu/py.typed": "",
    "tsunagu/local/locks/emulator.txt": "",
    "tsunagu/local/locks/functions.txt": "",
    f"{INFO}/METADATA": METADATA,
}
SDIST = ("LICENSE", "README.md", "CHANGELOG.md", "docs/semantics.md", "hatch_build.py", "tsunagu/py.typed", "cdk.json")


def distributions(folder: Path, wheel: Mapping[str, str], sdist: Mapping[str, str]) -> Distributions:
    made = Distributions(folder / "tsunagu.tar.gz", folder / "tsunagu.whl")
    with zipfile.ZipFile(made.wheel, "w") as archive:
        for name, text in wheel.items():
            archive.writestr(name, text)
    with tarfile.open(made.sdist, "w:gz") as content:
        for name, text in sdist.items():
            member = tarfile.TarInfo(f"tsunagu-1/{name}")
            member.size = len(text)
            content.addfile(member, io.BytesIO(text.encode()))
    return made


def found(
    folder: Path, changed: Mapping[str, str | None] | None = None, sdist: Mapping[str, str] | None = None
) -> list[str]:
    """The problems where files of the wheel are other ones, or missing (None)."""
    names = {"metadata": f"{INFO}/METADATA", "typed": "tsunagu/py.typed"}
    files: dict[str, str | None] = {**WHEEL, **{names.get(name, name): text for name, text in (changed or {}).items()}}
    wheel = {name: text for name, text in files.items() if text is not None}
    return problems(distributions(folder, wheel, {**dict.fromkeys(SDIST, ""), **(sdist or {})}))


def test_a_release_as_it_should_be_has_no_problem(tmp_path: Path) -> None:
    assert found(tmp_path) == []


def test_tests_of_new_repositories_belong_into_the_wheel(tmp_path: Path) -> None:
    assert found(tmp_path, {"tsunagu/scaffold/files/common/tests/test_stack.py.tmpl": ""}) == []


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"typed": None}, "the wheel must have tsunagu/py.typed, got no such file"),
        ({"metadata": None}, f"the wheel must have the metadata of version {project_version()}, got none"),
        ({"metadata": METADATA.replace("## Changes", "## Nothing")}, "the long description must have the changes of"),
        ({"metadata": METADATA.replace("Version: 0", "Version: 9")}, f"the version must be {project_version()}, got 9"),
        ({"tests/a.py": ""}, "the wheel must have tsunagu and tsunagu-"),
        ({"tsunagu/test_a.py": ""}, "the wheel must have no tests, copies and byte code, got tsunagu/test_a.py"),
        ({"tsunagu/__pycache__/a.pyc": ""}, "the wheel must have no tests, copies and byte code"),
        (
            {"tsunagu/a.py": f"PLACE = '{PROJECT}'"},
            "the wheel must have no path of this machine, got one in tsunagu/a.py",
        ),
    ],
)
def test_what_is_wrong_with_a_wheel_is_found(tmp_path: Path, changed: dict[str, str | None], problem: str) -> None:
    (sentence,) = found(tmp_path, changed)

    assert sentence.startswith(problem)


def test_a_path_of_the_machine_in_the_source_distribution_is_found(tmp_path: Path) -> None:
    (sentence,) = found(tmp_path, sdist={"docs/a.md": str(PROJECT)})

    assert sentence == "the source distribution must have no path of this machine, got one in docs/a.md"
