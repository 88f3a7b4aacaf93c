"""Rules that a whole app must satisfy before it deploys: those that public scanners do not have."""

from tsunagu.cdk.checks.pack import MessagingChecks, add_checks

__all__ = ["MessagingChecks", "add_checks"]
