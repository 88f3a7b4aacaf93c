"""Writes docs/llms.txt: an index of the pages, each with a sentence, for programs that read the documentation.

On the site the pages lie beside it as Markdown, too. `python -m docsite.llms` writes it anew.
"""

import re
from pathlib import Path

from docsite.navigation import parts_of, paths_by_place, read_config

ROOT = Path(__file__).resolve().parents[1]
PLACE = "llms.txt"
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_COMMENT = re.compile(r"<!--.*?-->\n?", re.DOTALL)
_CONTEXT = "**Context.** "
_BOLD = re.compile(r"\*\*(.*?)\*\*")
_SENTENCE_END = re.compile(r"(?<=[.:])\s|(?<=。)")
_NO_PROSE = ("```", "|", "#", "-", "<", "!", "1.")


def llms_text(root: Path) -> str:
    """Return the index of the pages of a repository."""
    config, paths = read_config(root), paths_by_place(root)
    lines = [f"# {config['site_name']}", "", f"> {config['site_description']}", ""]
    for title, pages in parts_of(config["nav"]):
        lines += [f"## {title}", "", *(entry(page, root / paths[page]) for page in pages), ""]
    return "\n".join(lines)


def entry(place: str, page: Path) -> str:
    """Return the line about a page."""
    text = page.read_text(encoding="utf-8")
    sentence = first_sentence(text)
    return f"- [{heading(text)}]({place})" + (f": {sentence}" if sentence else "")


def heading(text: str) -> str:
    """Return the first heading of a page, without marks."""
    found = re.search(r"^# (.*)$", text, re.MULTILINE)
    return _plain(found[1]) if found else ""


def first_sentence(text: str) -> str:
    """Return the first sentence of a page; empty when it begins with something else than prose."""
    behind = _COMMENT.sub("", text).partition("\n")[2].strip().removeprefix(_CONTEXT)
    paragraph = re.split(r"\n\s*\n", behind)[0].replace("\n", " ")
    if paragraph.startswith(_NO_PROSE):
        return ""
    return _SENTENCE_END.split(_plain(paragraph).strip(), maxsplit=1)[0].rstrip(":")


def _plain(text: str) -> str:
    return _BOLD.sub(r"\1", _LINK.sub(r"\1", text))


if __name__ == "__main__":
    (ROOT / "docs" / PLACE).write_text(llms_text(ROOT), encoding="utf-8")
