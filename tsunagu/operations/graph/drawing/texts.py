"""Sizes of texts, and their lines, so that no text leaves its box.

The font of the viewer is not known. The widths here are those of DejaVu Sans and Verdana, the widest of the common sans
serif fonts, so that a text in Arial or Helvetica has some room left.
"""

import re

NARROW, MEDIUM, WIDE, WIDEST = 0.40, 0.60, 0.78, 1.0  # of the font's size
_NARROW_LETTERS = frozenset("Ifijlrt.,:;'|!()[]{}/\\ -`")
_WIDE_LETTERS = frozenset("ABCDEFGHJKLNOPQRSTUVXYZw&+<>=~#_")
_WIDEST_LETTERS = frozenset("MWm@%")
_MOST_LINES = 4
# Where a name may be broken: behind a slash or a hyphen, and before a word that begins with a capital letter.
_PIECES = re.compile(r"[^/\-A-Z ]*(?:[A-Z]+[^/\-A-Z ]*|)[/\- ]?")
ELLIPSIS = "…"


def text_width(text: str, size: float) -> float:
    """Return the width of a text in pixels, at most.

    Args:
        text: The text.
        size: Size of the font in pixels.
    """
    return sum(map(_width, text)) * size


def _width(letter: str) -> float:
    if letter in _NARROW_LETTERS:
        return NARROW
    if letter in _WIDEST_LETTERS or not letter.isascii():
        return WIDEST
    return WIDE if letter in _WIDE_LETTERS else 0.65


def lines_of(text: str, size: float, width: float) -> list[str]:
    """Break a text into lines that fit a width. What does not fit four lines ends with an ellipsis.

    Args:
        text: The text.
        size: Size of the font in pixels.
        width: Width of a line in pixels.
    """
    lines = [""]
    for piece in filter(None, _PIECES.findall(text)):
        if lines[-1] and text_width((lines[-1] + piece).rstrip(), size) > width:
            lines.append("")
        lines[-1] += piece
    kept = [line.strip() for line in lines[:_MOST_LINES]]
    if len(lines) > _MOST_LINES:
        kept[-1] += ELLIPSIS
    return [_fitting(line, size, width) for line in kept]


def _fitting(line: str, size: float, width: float) -> str:
    if text_width(line, size) <= width:
        return line
    while line and text_width(line + ELLIPSIS, size) > width:
        line = line[:-1]
    return line.rstrip(ELLIPSIS) + ELLIPSIS
