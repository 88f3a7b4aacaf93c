"""Whether the changelog tells of a finding. CONTRIBUTING.md has the rule.

* A resource is named under "Replaces resources" of the section Unreleased: in backticks, type and construct path, such
  as `AWS::SQS::Queue */Channel/Queue`. A `*` stands for any text.
* A variable of a function is named anywhere in the section Unreleased, in backticks.
"""

import fnmatch
import re
from collections.abc import Iterable

from tests.upgrade.changes import Finding

_QUOTED = re.compile(r"`([^`\n]+)`")
_SECTION = re.compile(r"^## ", re.MULTILINE)
_PART = re.compile(r"^### ", re.MULTILINE)


def untold(found: Iterable[Finding], changelog: str) -> list[Finding]:
    """Return the findings that the section Unreleased does not tell of."""
    unreleased = next((part for part in _SECTION.split(changelog) if part.startswith("[Unreleased]")), "")
    replaces = next((part for part in _PART.split(unreleased) if part.startswith("Replaces resources")), "")
    anywhere, resources = set(_QUOTED.findall(unreleased)), _QUOTED.findall(replaces)
    return [
        each
        for each in found
        if not (
            each.subject in anywhere
            if each.is_variable
            else any(fnmatch.fnmatchcase(each.subject, pattern) for pattern in resources)
        )
    ]
