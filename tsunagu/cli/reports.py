"""How verbs report errors: one sentence on standard error, and an exit code."""

import functools
import inspect
import sys
import traceback
from collections.abc import Callable
from contextvars import ContextVar
from typing import NoReturn, ParamSpec

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from rich.text import Text

from tsunagu.cli.output import error_console, tell
from tsunagu.cli.problems import sentence_of
from tsunagu.errors import TsunaguError

FAILED = 1
UNREADABLE = "AWS must answer the command's calls, got an answer of another form: is there a proxy on the way?"
INTERRUPTED = 130  # as a shell reports a command that Ctrl-C ended

Parameters = ParamSpec("Parameters")

# Whether the traceback of an error is printed: the option --debug.
debug: ContextVar[bool] = ContextVar("debug", default=False)


def reporting(verb: Callable[Parameters, None]) -> Callable[Parameters, None]:
    """Return a verb that reports its errors: a sentence, and exit code 1; 130 after Ctrl-C."""

    @functools.wraps(verb)
    def reported(*arguments: Parameters.args, **options: Parameters.kwargs) -> None:
        try:
            verb(*arguments, **options)
        except TsunaguError as error:
            _fail(str(error), getattr(error, "log_path", None))
        except (BotoCoreError, ClientError) as error:
            _fail(sentence_of(error))
        except ResponseParserError:  # which is no error of the SDK's two trees
            _fail(UNREADABLE)
        except KeyboardInterrupt:
            _fail("interrupted; what was under way may be half done: look before you repeat it", code=INTERRUPTED)

    reported.__doc__ = _paragraphs(verb.__doc__ or "")
    return reported


def _paragraphs(text: str) -> str:
    """Return a docstring with one line a paragraph: the help would keep the ends of its lines, and wrap them too."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in inspect.cleandoc(text).split("\n\n"))


def _fail(sentence: str, log_path: str | None = None, *, code: int = FAILED) -> NoReturn:
    if debug.get():
        error_console().print(Text(traceback.format_exc()), end="", soft_wrap=True)
    tell(f"error: {sentence}")
    if log_path is not None and log_path not in sentence:
        tell(f"log: {log_path}")
    sys.exit(code)
