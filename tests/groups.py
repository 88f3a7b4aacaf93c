"""Which tests run on one worker of pytest-xdist, one after the other, because they share what takes long to make."""

from collections.abc import Collection
from pathlib import PurePath

# Fixtures of a session that deploy, install packages or start a cloud, in the order in which their tests begin: the
# deployment takes longest, and its tests wait more than they work, so it has much beside it.
SHARED_FIXTURES = (
    "deployment",
    "report_desk",
    "clinic",
    "full_environment",
    "locked_environment",
    "base_environment",
    "wheel",
    "cloud",
)
# Modules that read the templates of the stages: `tests.snapshots.stages` synthesizes each stage once in a process.
TEMPLATE_READERS = (
    "snapshots",
    "cdk_app/stacks",
    "upgrade/test_templates.py",
    "docs/test_pictures.py",
    "benchmarks/test_schedule_cost.py",
    "tsunagu/cdk/checks/test_rules_on_a_stack.py",
)
TEMPLATES = "templates"
# Each of these stages is synthesized and scanned by a worker of its own. Tests without a stage read that of dev.
STAGES_APART = ("stg", "prod", "embedded")
# Tests that take seconds each, and share nothing.
ALONE = ("explorer", "e2e")

_BEGIN = (*SHARED_FIXTURES, TEMPLATES)


def group_of(path: PurePath, fixtures: Collection[str], stage: object = None) -> str | None:
    """Return the name of a test's group: what it shares, else its module; None when it runs alone.

    Args:
        path: The test's module, relative to the folder `tests`.
        fixtures: Every fixture that the test uses, by itself or through others.
        stage: Stage of the app that is a parameter of the test. Default: it has no such parameter.
    """
    for fixture in SHARED_FIXTURES:
        if fixture in fixtures:
            return fixture
    if any(path.is_relative_to(reader) for reader in TEMPLATE_READERS):
        return f"{TEMPLATES} of {stage}" if stage in STAGES_APART else TEMPLATES
    return None if path.parts[0] in ALONE else path.as_posix()


def turn_of(path: PurePath, fixtures: Collection[str]) -> int:
    """Return when a test begins, the lowest number first: long groups, then tests that run alone, then short ones."""
    group = group_of(path, fixtures)
    if group is None:
        return len(_BEGIN) - path.is_relative_to("e2e")
    return _BEGIN.index(group) if group in _BEGIN else len(_BEGIN) + 1
