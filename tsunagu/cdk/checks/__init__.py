"""Checks of synthesized templates: rules about messaging that public scanners do not have."""

from tsunagu.cdk.checks.pack import MessagingChecks, add_checks
from tsunagu.cdk.checks.run_app import run_app

__all__ = ["MessagingChecks", "add_checks", "run_app"]
