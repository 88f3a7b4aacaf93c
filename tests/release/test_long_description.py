import pytest

from hatch_build import long_description

CHANGELOG = """# Changelog
text
## [Unreleased]
### Added
- New things, see [the page](docs/page.md).
## [1.0.0] - 2026-01-01
- Old things.
"""


@pytest.mark.parametrize(
    ("version", "shown", "hidden"), [("1.0.0", "Old things.", "New things"), ("1.1.0", "New things", "Old things")]
)
def test_the_section_of_the_version_follows_the_readme(version: str, shown: str, hidden: str) -> None:
    text = long_description("# Tsunagu\nreadme\n", CHANGELOG, version)

    assert text.startswith(f"# Tsunagu\nreadme\n\n## Changes in {version}\n\n")
    assert shown in text
    assert hidden not in text


def test_links_into_the_repository_are_names_and_its_pictures_are_left_out() -> None:
    readme = "![picture](docs/a.svg)\n\n[docs/a.md](docs/a.md#b), [AWS](https://aws.amazon.com), [below](#below)\n"

    text = long_description(readme, CHANGELOG, "1.0.0")

    assert text.startswith("`docs/a.md`, [AWS](https://aws.amazon.com), [below](#below)\n")


def test_a_changelog_without_a_section_is_refused() -> None:
    with pytest.raises(ValueError, match=r"must have a section \[2.0.0\] or \[Unreleased\], got 1.0.0"):
        long_description("", "# Changelog\n## [1.0.0]\n- a\n", "2.0.0")
