"""A customer-managed KMS key, with the AWS services that may use it."""

from dataclasses import dataclass

from aws_cdk import aws_kms as kms
from constructs import Construct

from tsunagu.cdk.constructs.checked_construct import CheckedConstruct
from tsunagu.cdk.constructs.key_access import allow_service
from tsunagu.cdk.constructs.protection import removal_policy
from tsunagu.cdk.props import CheckedProps


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerManagedKeyProps(CheckedProps):
    """Settings of a customer-managed key.

    Attributes:
        description: What the key protects, as the KMS console shows it.
        protect: Keep the key when its stack is deleted. Default: it is kept, because the data that it encrypted
            cannot be read without it.
    """

    description: str
    protect: bool = True


class CustomerManagedKey(CheckedConstruct):
    """Create a symmetric KMS key that is rotated each year.

    Attributes:
        key: The key.
    """

    def __init__(self, scope: Construct, construct_id: str, props: CustomerManagedKeyProps) -> None:
        super().__init__(scope, construct_id)
        self.key = kms.Key(
            self,
            "Key",
            description=props.description,
            enable_key_rotation=True,
            removal_policy=removal_policy(protect=props.protect),
        )

    def allow_service(self, service: str, *, source_arn: str | None = None) -> None:
        """Let an AWS service of this account send to queues and topics that the key encrypts.

        Args:
            service: Service principal, such as `cloudwatch.amazonaws.com`.
            source_arn: Resource for which the service acts. Default: any resource of the account.
        """
        allow_service(self, self.key, service, source_arn=source_arn)
