"""The app as the CDK CLI runs it: `cdk synth -c stage=prod`; without a stage, dev."""

import sys

from tsunagu.errors import TsunaguError

try:
    from cdk_app.app import build_app
except ModuleNotFoundError as error:
    sys.exit(f"error: the packages of requirements.txt must be installed in {sys.prefix}, got no {error.name} there")


def main() -> None:
    """Synthesize the stage that the context names."""
    try:
        build_app().synth()
    except TsunaguError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
