"""Mapping templates of the request gateway: files in Velocity, in the folder `templates`.

A template may have names in `@{…}`, which synthesis fills, and includes other templates by `@{>name}`. A line that
starts with `##` is a comment, which is left out. Everything else is for API Gateway.
"""

import functools
import re
from importlib import resources

_INCLUDE = re.compile(r"@\{>([a-z_]+)\}\n?")
_NAME = re.compile(r"@\{([a-z0-9_]+)\}")
_COMMENT = re.compile(r"^##.*\n", re.MULTILINE)


def mapping_template(name: str, values: dict[str, str]) -> str:
    """Return a template with its names filled.

    Args:
        name: Name of the file, without its suffix.
        values: Text for each name in the template, or in one that it includes. A text may include templates. The texts
            become part of the program: they must not have anything that Velocity reads, unless that is the purpose.

    Raises:
        KeyError: A name of the template has no value.
        FileNotFoundError: There is no such template.
    """
    text = _file(name)
    while True:
        filled = _INCLUDE.sub(lambda found: _file(found.group(1)), text)
        filled = _NAME.sub(lambda found: values[found.group(1)], filled)
        if filled == text:
            return text
        text = filled


@functools.cache
def _file(name: str) -> str:
    text = resources.files("tsunagu.cdk.constructs").joinpath("templates", f"{name}.vtl").read_text("utf-8")
    return _COMMENT.sub("", text)
