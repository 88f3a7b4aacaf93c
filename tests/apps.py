"""Apps for tests, without CDK's own validation of templates: it takes three quarters of a synth's time."""

import inspect
from typing import Any

from aws_cdk import App

# Older versions of aws-cdk-lib have no such validation, and no such prop.
NO_VALIDATION = {
    name: False for name in inspect.signature(App.__init__).parameters if name == "builtin_cloud_formation_validation"
}


def new_app(**props: Any) -> App:
    """Make an app of these props."""
    return App(**{**NO_VALIDATION, **props})
