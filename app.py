"""The app as the CDK CLI runs it: `cdk synth -c stage=prod`; without a stage, dev."""

import sys

from cdk_app.app import build_app
from cdk_app.errors import TsunaguError


def main() -> None:
    """Synthesize the stage that the context names."""
    try:
        build_app().synth()
    except TsunaguError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
