"""The rules as a validation plugin: `cdk synth` fails and names the constructs that break a rule."""

from collections.abc import Iterator

import jsii
from aws_cdk import (
    IPolicyValidationContext,
    IPolicyValidationPlugin,
    PolicyValidationPluginReport,
    PolicyViolatingResource,
    PolicyViolation,
    Stage,
    Validations,
)

from tsunagu.cdk.checks.alarm_rules import ALARM_RULES
from tsunagu.cdk.checks.claim_rules import CLAIM_RULES
from tsunagu.cdk.checks.consumer_rules import CONSUMER_RULES
from tsunagu.cdk.checks.data_rules import DATA_RULES, PROTECTION_RULES
from tsunagu.cdk.checks.policy_rules import POLICY_RULES
from tsunagu.cdk.checks.rule import Rule
from tsunagu.cdk.props.checked import check_value
from tsunagu.templates.assembly import read_documents
from tsunagu.templates.template import Template

_NAMESPACE = "tsunagu"
_RULES_VERSION = "1"


def add_checks(stage: Stage, *, protect: bool = False) -> None:
    """Fail the synthesis of an app, or of a stage of it, when one of its templates breaks a rule.

    Accept a finding with its reason, on the construct or on one above it:
    `acknowledge(queue, "tsunagu::FixedName", "another system reads it by this name")`.

    Args:
        stage: The app, or a stage of it.
        protect: Also require that stateful resources are protected from deletion. Default: not required.

    Raises:
        InvalidPropsError: An argument is of another type, such as a stack, whose checks would see no other stack.
    """
    check_value("stage", stage, Stage)
    check_value("protect", protect, bool)
    Validations.of(stage).add_plugins(MessagingChecks(protect=protect))


@jsii.implements(IPolicyValidationPlugin)
class MessagingChecks:
    """Check the templates of any stack against rules about messaging that public scanners do not have.

    Attributes:
        rules: The rules of the pack.
    """

    def __init__(self, *, protect: bool = False) -> None:
        every_stage = (*CONSUMER_RULES, *ALARM_RULES, *POLICY_RULES, *CLAIM_RULES, *DATA_RULES)
        self.rules = (*every_stage, *(PROTECTION_RULES if protect else ()))

    @property
    def name(self) -> str:
        """Name of the plugin: the namespace of its rules in acknowledgements."""
        return _NAMESPACE

    @property
    def version(self) -> str:
        """Version of the rules. It is not the distribution's, which a checkout does not know."""
        return _RULES_VERSION

    @property
    def rule_ids(self) -> list[str]:
        """Ids of the rules."""
        return [rule.rule_id for rule in self.rules]

    @jsii.member(jsii_name="validate")
    def validate(self, context: IPolicyValidationContext) -> PolicyValidationPluginReport:
        """Report the resources in the templates of `context`, and of their nested stacks, that break a rule.

        A rule sees all templates at once, so that what one stack lacks may be in another one.
        """
        violations = [*self._violations(Template.link(read_documents(context.template_paths)))]
        return PolicyValidationPluginReport(success=not violations, violations=violations)

    def _violations(self, template: Template) -> Iterator[PolicyViolation]:
        for rule in self.rules:
            resources = [
                PolicyViolatingResource(
                    resource_logical_id=finding.resource.logical_id,
                    template_path=finding.resource.template_path,
                    locations=[finding.location],
                )
                for finding in rule.find(template)
            ]
            if resources:
                yield _violation(rule, resources)


def _violation(rule: Rule, resources: list[PolicyViolatingResource]) -> PolicyViolation:
    return PolicyViolation(
        rule_name=rule.rule_id,
        description=rule.description,
        fix=rule.fix,
        severity="error",
        violating_resources=resources,
    )
