"""A customer-managed KMS key whose policy names each AWS service that may use it."""

from dataclasses import dataclass

from aws_cdk import aws_kms as kms
from constructs import Construct

from tsunagu.cdk.constructs.key_access import allow_service
from tsunagu.cdk.constructs.protection import removal_policy


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerManagedKeyProps:
    """Settings of a customer-managed key.

    Attributes:
        description: What the key protects, as the KMS console shows it.
        protect: Keep the key when its stack is deleted. Default: kept, because what it encrypted is lost with it.
    """

    description: str
    protect: bool = True


class CustomerManagedKey(Construct):
    """A symmetric KMS key that rotates each year and that the account's administrators manage.

    Attributes:
        key: The key itself.
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
        """Let an AWS service of this account send to what the key encrypts.

        Args:
            service: Service principal, such as `cloudwatch.amazonaws.com`.
            source_arn: Resource on whose behalf the service acts. Default: any of the account.
        """
        allow_service(self, self.key, service, source_arn=source_arn)
