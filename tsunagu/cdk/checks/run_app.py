"""Runs an app as the CDK CLI does: what is wrong is one sentence, and no traceback."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from tsunagu.errors import TsunaguError

if TYPE_CHECKING:
    from aws_cdk import App

_FINDINGS = "ValidationFailed"  # the name of the error in JavaScript, which jsii gives as text


def run_app(build: "Callable[[], App]") -> None:
    """Build an app and synthesize it; end the process with a sentence when that fails, or a check finds something.

    ```python
    if __name__ == "__main__":
        run_app(build_app)
    ```

    The findings are printed above the sentence. Other errors, such as those of your code, keep their traceback.

    Args:
        build: Returns the app.
    """
    try:
        build().synth()
    except TsunaguError as error:
        sys.exit(f"error: {error}")
    except RuntimeError as error:
        if not str(error).startswith(_FINDINGS):
            raise
        report = str(error).rpartition(": ")[2]
        sys.exit(f"error: checks must find nothing, got findings: they are above, and in {report}")
