"""A bucket for JSON that is too large for a message; the message carries a claim that refers to the object."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from aws_cdk import Annotations, Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from tsunagu.cdk.constructs.acknowledgement import acknowledge, acknowledge_objects
from tsunagu.cdk.constructs.checked_construct import CheckedConstruct
from tsunagu.cdk.constructs.customer_managed_key import CustomerManagedKey, CustomerManagedKeyProps
from tsunagu.cdk.constructs.error_path import props_error
from tsunagu.cdk.constructs.flow_metadata import mark
from tsunagu.cdk.constructs.grants import Grantor
from tsunagu.cdk.constructs.key_access import RECEIVE_ACTIONS, CustomerKey
from tsunagu.cdk.constructs.protection import removal_policy
from tsunagu.cdk.constructs.ranges import DAY_SECONDS
from tsunagu.cdk.props import CheckedProps, Days
from tsunagu.contracts.flows import Kind
from tsunagu.errors import InvalidPropsError

if TYPE_CHECKING:
    from constructs import IConstruct

# S3 counts in days: https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html
LIFETIME_SECONDS = range(DAY_SECONDS, 10 * 365 * DAY_SECONDS + 1)
Lifetime = Annotated[Duration, Days(LIFETIME_SECONDS)]

EXPIRATION = Duration.days(180)
RECOVERY = Duration.days(14)
_ABANDONED_UPLOADS = Duration.days(1)
_SUSPENDED = "Suspended"

_READ_ACTIONS = ("s3:GetObjectVersion",)  # a claim names its version
# A writer compares its checksum with that of an existing object by HEAD, which needs GetObject and the key:
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
_WRITE_ACTIONS = ("s3:PutObject", "s3:GetObject")
_WRITE_KEY_ACTIONS = ("kms:GenerateDataKey", "kms:Decrypt")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimCheckBucketProps(CheckedProps):
    """Settings of a claim check bucket.

    Attributes:
        expiration: How long an object is kept, whole days from 1 to 3,650. `require_lifetime` checks that it is long
            enough for the messages that refer to objects. Default: 180 days.
        recovery: How long a version can still be read by its version id after it expired, was overwritten or was
            deleted, whole days from 1 to 3,650. Default: 14 days.
        key: Customer-managed key of the objects. Default: a new key.
        existing: Versioned bucket to use instead of a new one; it is not changed. Its objects must outlive the messages
            that refer to them, which synthesis cannot check. Default: a new bucket.
        access_logs: Bucket that gets the server access logs. Default: no access logs are written.
        protect: Keep bucket and key when their stack is deleted. Default: they are kept. Empty a bucket that is not
            kept before you delete its stack.

    Raises:
        InvalidPropsError: A time is out of range or not a whole number of days, the key is not customer-managed,
            `existing` is not versioned, or `existing` and `access_logs` are both given.
    """

    expiration: Lifetime = EXPIRATION
    recovery: Lifetime = RECOVERY
    key: CustomerKey | None = None
    existing: s3.IBucket | None = None
    access_logs: s3.IBucket | None = None
    protect: bool = True

    def __post_init__(self) -> None:
        """Refuse settings that AWS does not allow, or that exclude each other."""
        CheckedProps.__post_init__(self)  # plain `super()` fails in a dataclass with slots
        if self.existing is not None and self.access_logs is not None:
            msg = "access_logs must be left out with existing, because an existing bucket is not changed, got both"
            raise InvalidPropsError(msg)
        if self.existing is not None:
            _require_versioned(self.existing)


class ClaimCheckBucket(CheckedConstruct):
    """Keep JSON that is too large for a message, for as long as a message can refer to it.

    The bucket is encrypted with a customer-managed key, versioned, TLS only, and not public. No grant of it includes
    `s3:ListBucket`, so that S3 answers 403 instead of 404 for an object that does not exist.

    Attributes:
        bucket: The bucket.
        key: Key of the objects; None when the key of an existing bucket is not known.
        props: Settings of the bucket.
    """

    def __init__(self, scope: Construct, construct_id: str, props: ClaimCheckBucketProps | None = None) -> None:
        super().__init__(scope, construct_id)
        self.props = props or ClaimCheckBucketProps()
        existing = self.props.existing
        self.key: kms.IKey | None = self.props.key or (existing.encryption_key if existing else self._new_key())
        self.bucket: s3.IBucket = existing or self._bucket()

    def grant_read(self, grantee: iam.IGrantable, *, under: str) -> iam.Grant:
        """Let `grantee` read versions of the objects under a prefix, and decrypt them.

        Args:
            grantee: The function.
            under: Prefix without its last slash; `*` stands for any text.
        """
        return self._grant(grantee, under, _READ_ACTIONS, RECEIVE_ACTIONS)

    def grant_write(self, grantee: iam.IGrantable, *, under: str) -> iam.Grant:
        """Let `grantee` write objects under a prefix, compare them with existing ones, and use their key.

        Args:
            grantee: The function.
            under: Prefix without its last slash; `*` stands for any text.
        """
        return self._grant(grantee, under, _WRITE_ACTIONS, _WRITE_KEY_ACTIONS)

    def require_lifetime(self, least: Duration, reader: "IConstruct") -> None:
        """Refuse a bucket whose objects could expire before a message that refers to them.

        Args:
            least: Longest time between writing an object and reading it.
            reader: Construct that reads it, for the error.

        Raises:
            InvalidPropsError: `expiration` is shorter than `least`.
        """
        days = math.ceil(least.to_seconds() / DAY_SECONDS)
        if self.props.existing is not None:
            Annotations.of(self).add_info(
                f"the existing bucket must be versioned, and its objects must be kept for at least {days:,} days"
            )
            return
        if self.props.expiration.to_seconds() < least.to_seconds():
            msg = (
                f"expiration must be at least {days:,} days, because a message of {reader.node.path} can refer to an "
                f"object for that long, got {self.props.expiration.to_days():,}: raise expiration, or lower the "
                "retentions of the queues"
            )
            raise props_error(self, msg)

    def _grant(
        self, grantee: iam.IGrantable, under: str, actions: tuple[str, ...], key_actions: tuple[str, ...]
    ) -> iam.Grant:
        objects = self.bucket.arn_for_objects(f"{under}/*")
        self._acknowledge_prefix(grantee, under)
        return Grantor(self, self.bucket, self.key).grant(grantee, actions, objects, key_actions=key_actions)

    def _acknowledge_prefix(self, grantee: iam.IGrantable, under: str) -> None:
        role = grantee.grant_principal
        if isinstance(role, iam.Role) and self.props.existing is None:
            acknowledge_objects(role, self.bucket, f"{under}/*")

    def _bucket(self) -> s3.Bucket:
        bucket = s3.Bucket(
            self,
            "Bucket",
            encryption=s3.BucketEncryption.KMS,
            encryption_key=self.key,
            bucket_key_enabled=True,
            enforce_ssl=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            versioned=True,
            lifecycle_rules=[self._lifecycle()],
            server_access_logs_bucket=self.props.access_logs,
            # Not emptied automatically: that needs a function with the right to delete every object.
            removal_policy=removal_policy(protect=self.props.protect),
        )
        if self.props.access_logs is None:
            reason = "only functions use it, and their log lines name each request; the prop access_logs adds them"
            acknowledge(bucket, "AwsSolutions-S1", reason)
        mark(bucket, Kind.CLAIM_CHECK_BUCKET, self, protected=self.props.protect)
        return bucket

    def _lifecycle(self) -> s3.LifecycleRule:
        # In a versioned bucket the expiration adds a delete marker; S3 removes the marker after the last version.
        return s3.LifecycleRule(
            expiration=self.props.expiration,
            noncurrent_version_expiration=self.props.recovery,
            abort_incomplete_multipart_upload_after=_ABANDONED_UPLOADS,
        )

    def _new_key(self) -> kms.IKey:
        props = CustomerManagedKeyProps(description="JSON that messages refer to", protect=self.props.protect)
        return CustomerManagedKey(self, "ObjectKey", props).key


def _require_versioned(bucket: s3.IBucket) -> None:
    """Refuse a bucket of this app that is not versioned. Synthesis cannot check an imported bucket.

    Object lock includes versioning:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html

    Raises:
        InvalidPropsError: The bucket is not versioned.
    """
    resource = bucket.node.default_child
    if not isinstance(resource, s3.CfnBucket) or resource.object_lock_enabled:
        return
    versioning = resource.versioning_configuration
    status = versioning.status if isinstance(versioning, s3.CfnBucket.VersioningConfigurationProperty) else versioning
    if status in (None, _SUSPENDED):
        msg = f"existing must be versioned, because a claim names a version, got {bucket.node.path} without versions"
        raise InvalidPropsError(msg)
