"""The one check of props: the annotation of a prop says of which kind it is, and which rules it follows."""

from tsunagu.cdk.props.checked import CheckedProps, check_value
from tsunagu.cdk.props.kinds import shown
from tsunagu.cdk.props.rules import Between, Days, OneOf, Rule, Seconds, Text, Unlike
from tsunagu.cdk.props.tokens import is_known, require_known

__all__ = [
    "Between",
    "CheckedProps",
    "Days",
    "OneOf",
    "Rule",
    "Seconds",
    "Text",
    "Unlike",
    "check_value",
    "is_known",
    "require_known",
    "shown",
]
