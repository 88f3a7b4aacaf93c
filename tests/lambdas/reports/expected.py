"""The report of a month, calculated anew from the rules of the sales: nothing of the worker is asked."""

import hashlib
from calendar import monthrange
from collections import Counter
from collections.abc import Mapping
from typing import Any

ARTICLES, REGIONS = ("cup", "kettle", "pen", "tea"), ("east", "north", "south", "west")


def report_text(request: Mapping[str, Any]) -> str:
    """Return the report as CSV."""
    month, rows = request["month"], request.get("rows", "day")
    pieces: Counter[str] = Counter()
    amounts: Counter[str] = Counter()
    for day in range(1, monthrange(int(month[:4]), int(month[5:]))[1] + 1):
        for article in ARTICLES:
            for region in [request["region"]] if request.get("region") else REGIONS:
                sold = first_bytes(f"{month}-{day:02} {article} {region}") % 41
                name = {"day": f"{month}-{day:02}", "article": article, "region": region}[rows]
                pieces[name] += sold
                amounts[name] += sold * (100 + first_bytes(article) % 900)
    lines = [f"{name},{pieces[name]},{amounts[name]}" for name in sorted(pieces)]
    return "\r\n".join([f"{rows},pieces,amount", *lines, ""])


def first_bytes(text: str) -> int:
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16)
