"""Checks of synthesized templates: rules about messaging that public scanners do not have."""

from tsunagu.cdk.checks.pack import MessagingChecks, add_checks

__all__ = ["MessagingChecks", "add_checks"]
