"""The tutorial in Japanese has the commands of the English one, which a test runs."""

from tests.docs.blocks import blocks
from tests.docs.test_links import PROJECT


def test_tutorial_in_japanese_has_the_blocks_of_the_english_one() -> None:
    english, japanese = blocks(PROJECT / "docs/tutorial.md"), blocks(PROJECT / "docs/ja/tutorial.md")

    assert [(each.language, each.text) for each in japanese] == [(each.language, each.text) for each in english]
    assert len(english) > 10
