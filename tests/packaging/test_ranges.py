"""The versions that consumers may have: `make test-oldest` tries the lowest of each, and the checkout pins one."""

import re
import tomllib
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]


def bounds() -> dict[str, str]:
    """What pyproject.toml demands of each package, as consumers install it."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    demanded = [*project["dependencies"], *project["optional-dependencies"]["cdk"]]
    return {each[: each.index(">=")]: each[each.index(">=") :] for each in demanded}


def pins(lock: str) -> dict[str, str]:
    """The exact versions in a requirements file."""
    text = (PROJECT / lock).read_text()
    return dict(re.findall(r"^([a-z0-9-]+)(?:\[[a-z0-9,]+\])?==([^\s\\;]+)", text, re.MULTILINE))


def is_within(version: str, lowest: str) -> bool:
    """Whether a version is this one, with or without zeros at its end."""
    return re.fullmatch(rf"{re.escape(lowest)}(\.0)*", version) is not None


@pytest.mark.parametrize("lock", ["requirements-oldest.in", "requirements-oldest.txt"])
def test_oldest_packages_are_the_lower_bounds_that_consumers_may_have(lock: str) -> None:
    lowest = {name: bound.removeprefix(">=").partition(",")[0] for name, bound in bounds().items()}

    oldest = {name: pins(lock)[name] for name in lowest}

    assert {name: oldest[name] for name in lowest if not is_within(oldest[name], lowest[name])} == {}


@pytest.mark.parametrize(("name", "next_major"), [("aws-cdk-lib", "3"), ("constructs", "11")])
def test_cdk_is_a_range_below_the_next_major_version(name: str, next_major: str) -> None:
    assert re.fullmatch(rf">=[0-9.]+,<{next_major}", bounds()[name])


def test_checkout_pins_one_version_of_cdk() -> None:
    pinned = pins("requirements-cdk.in")

    assert pinned.keys() == {"aws-cdk-lib", "constructs"}
    assert pinned.items() <= pins("requirements.txt").items()
    assert pinned.items() <= pins("requirements-dev.txt").items()


@pytest.mark.parametrize("lock", sorted(path.name for path in PROJECT.glob("requirements*.txt")))
def test_a_lock_names_versions_and_hashes_and_no_address(lock: str) -> None:
    text = (PROJECT / lock).read_text()

    assert "://" not in text
    assert re.search(r"^\s*--(index-url|extra-index-url|find-links)", text, re.MULTILINE) is None
    assert all("--hash=sha256:" in entry for entry in re.split(r"\n(?=[a-z0-9])", text) if "==" in entry)
