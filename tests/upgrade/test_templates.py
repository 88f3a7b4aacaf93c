"""Who upgrades keeps what they have deployed: nothing stateful is replaced or deleted unless the changelog says so."""

from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tests.snapshots.stages import assembly
from tests.upgrade.baseline import synthesized
from tests.upgrade.changelog import untold
from tests.upgrade.changes import findings
from tests.upgrade.inventory import inventory
from tests.upgrade.release import EXAMPLES, RESOURCES, STAGES, Release, extract, stored


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return extract(tmp_path_factory.mktemp("release"))


def changelog() -> str:
    return (PROJECT / "CHANGELOG.md").read_text()


@pytest.mark.parametrize("stage", STAGES)
def test_the_apps_stacks_keep_what_the_last_release_deployed(stage: str) -> None:
    before, after = stored(RESOURCES)[stage], inventory(Path(assembly(stage).directory))

    assert [str(each) for each in untold(findings(before, after), changelog())] == []
    assert before.keys() <= after.keys()


@pytest.mark.slow
@pytest.mark.parametrize("what", [*STAGES, *EXAMPLES])
def test_an_app_of_the_last_release_synthesizes_with_this_library_and_keeps_what_it_deployed(
    release: Release, what: str, tmp_path: Path
) -> None:
    """The app is not changed: whoever upgrades changes the version alone."""
    before = synthesized(release, what, tmp_path / "before")
    after = synthesized(release, what, tmp_path / "after", library=PROJECT)

    assert before == stored(RESOURCES)[what]  # what was stored is what the release makes
    assert [str(each) for each in untold(findings(before, after), changelog())] == []
