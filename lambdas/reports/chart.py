"""Draws a chart of bars, as SVG."""

from collections.abc import Mapping
from html import escape

_WIDTH, _HEIGHT, _LABEL_HEIGHT = 640, 240, 24
_LONGEST_LABEL = 12


def bars(title: str, values: Mapping[str, int]) -> str:
    """Return a chart with a bar for each value. The highest bar fills the height; without sales there are none.

    Args:
        title: The heading, any text.
        values: Height of each bar by its label, 0 or more.
    """
    highest = max(values.values(), default=0) or 1
    width = _WIDTH / max(len(values), 1)
    shapes = [
        _bar(number * width, width, round(value * (_HEIGHT - 2 * _LABEL_HEIGHT) / highest), label)
        for number, (label, value) in enumerate(values.items())
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif">',
            f'<text x="4" y="16" font-size="14">{escape(title)}</text>',
            *shapes,
            "</svg>\n",
        ]
    )


def _bar(left: float, width: float, height: int, label: str) -> str:
    bottom = _HEIGHT - _LABEL_HEIGHT
    return (
        f'<rect x="{left + width / 10:.1f}" y="{bottom - height}" width="{width * 4 / 5:.1f}" height="{height}" '
        f'fill="#36c"><title>{escape(label)}</title></rect>'
        f'<text x="{left + width / 2:.1f}" y="{_HEIGHT - 8}" font-size="9" text-anchor="middle">'
        f"{escape(label[-_LONGEST_LABEL:])}</text>"
    )
