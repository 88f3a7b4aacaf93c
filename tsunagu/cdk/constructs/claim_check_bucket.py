"""The bucket for what is too large to travel in a message: the message carries a claim, the bucket the JSON."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from aws_cdk import Annotations, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from tsunagu.cdk.constructs.acknowledgement import acknowledge
from tsunagu.cdk.constructs.customer_managed_key import CustomerManagedKey, CustomerManagedKeyProps
from tsunagu.cdk.constructs.error_path import props_error
from tsunagu.cdk.constructs.key_access import RECEIVE_ACTIONS, require_customer_managed, with_key
from tsunagu.cdk.constructs.protection import removal_policy
from tsunagu.cdk.constructs.ranges import check_seconds
from tsunagu.errors import InvalidPropsError

if TYPE_CHECKING:
    from aws_cdk import CfnElement
    from constructs import IConstruct

# S3 counts in days: https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html
_DAY_SECONDS = 86_400
LIFETIME_SECONDS = range(_DAY_SECONDS, 10 * 365 * _DAY_SECONDS + 1)

EXPIRATION = Duration.days(180)
RECOVERY = Duration.days(14)
_ABANDONED_UPLOADS = Duration.days(1)
_SUSPENDED = "Suspended"

_READ_ACTIONS = ("s3:GetObjectVersion",)  # a claim names its version
# A writer looks at an object that is there already, by HEAD with its checksum, which takes the key:
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
_WRITE_ACTIONS = ("s3:PutObject", "s3:GetObject")
_WRITE_KEY_ACTIONS = ("kms:GenerateDataKey", "kms:Decrypt")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimCheckBucketProps:
    """Settings of a claim check bucket.

    Attributes:
        expiration: How long an object is kept, whole days from 1 to 3,650; whoever writes claims into messages knows
            the least, and `require_lifetime` compares. Default: 180 days.
        recovery: How long a version that expired, was overwritten or was deleted can still be read by who knows its
            version id, whole days from 1 to 3,650. Default: 14 days.
        key: Customer-managed key of the objects. Default: a key of the bucket's own.
        existing: Bucket to use instead of a new one, versioned; nothing about it is changed. Its objects must outlive
            the messages that refer to them, which synthesis cannot see. Default: a new bucket.
        access_logs: Bucket that gets the server access logs. Default: none are written.
        protect: Keep bucket and key when their stack is deleted. Default: kept. A bucket that is not kept must be
            emptied before its stack is deleted.

    Raises:
        InvalidPropsError: A time is out of range or no whole number of days, the key is not customer-managed, or the
            bucket exists and is told what only a new one can be told, or is made in this app and not versioned.
    """

    expiration: Duration = EXPIRATION
    recovery: Duration = RECOVERY
    key: kms.IKey | None = None
    existing: s3.IBucket | None = None
    access_logs: s3.IBucket | None = None
    protect: bool = True

    def __post_init__(self) -> None:
        """Refuse what AWS, or another setting, would not allow."""
        _check_days("expiration", self.expiration)
        _check_days("recovery", self.recovery)
        require_customer_managed("key", self.key)
        if self.existing is not None and self.access_logs is not None:
            msg = "access_logs must be left out where the bucket exists, because nothing about it is changed, got both"
            raise InvalidPropsError(msg)
        if self.existing is not None:
            _require_versioned(self.existing)


class ClaimCheckBucket(Construct):
    """Keep JSON that is too large for a message, for as long as a message can refer to it.

    Encrypted with a customer-managed key, TLS only, no public access, every version kept for a while. A role without
    `s3:ListBucket`, which no grant gives, gets 403 and not 404 for an object that is not there.

    Attributes:
        bucket: The bucket itself.
        key: Key of its objects; None for an existing bucket whose key is not known here.
        props: What the bucket was made of.
    """

    def __init__(self, scope: Construct, construct_id: str, props: ClaimCheckBucketProps | None = None) -> None:
        super().__init__(scope, construct_id)
        self.props = props or ClaimCheckBucketProps()
        existing = self.props.existing
        self.key: kms.IKey | None = self.props.key or (existing.encryption_key if existing else self._new_key())
        self.bucket: s3.IBucket = existing or self._bucket()

    def grant_read(self, grantee: iam.IGrantable, *, under: str) -> iam.Grant:
        """Let `grantee` read the objects under a prefix, each by its version, and use their key to do so.

        Args:
            grantee: The function.
            under: Prefix without its last slash; `*` in it stands for any text.
        """
        return self._grant(grantee, under, _READ_ACTIONS, RECEIVE_ACTIONS)

    def grant_write(self, grantee: iam.IGrantable, *, under: str) -> iam.Grant:
        """Let `grantee` write objects under a prefix, recognise those that it wrote before, and use their key to do so.

        Args:
            grantee: The function.
            under: Prefix without its last slash; `*` in it stands for any text.
        """
        return self._grant(grantee, under, _WRITE_ACTIONS, _WRITE_KEY_ACTIONS)

    def require_lifetime(self, least: Duration, reader: "IConstruct") -> None:
        """Refuse a bucket whose objects could expire before a message that refers to them.

        Args:
            least: Longest time between writing an object and reading it.
            reader: What reads it, for the sentence.

        Raises:
            InvalidPropsError: The expiration is shorter.
        """
        days = math.ceil(least.to_seconds() / _DAY_SECONDS)
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
        grant = iam.Grant.add_to_principal(grantee=grantee, actions=list(actions), resource_arns=[objects])
        self._acknowledge_prefix(grantee, under)
        return with_key(grant, self.key, grantee, key_actions)

    def _acknowledge_prefix(self, grantee: iam.IGrantable, under: str) -> None:
        role = grantee.grant_principal
        if isinstance(role, iam.Role) and self.props.existing is None:
            bucket = Stack.of(self).get_logical_id(cast("CfnElement", self.bucket.node.default_child))
            rule = f"AwsSolutions-IAM5[Resource::<{bucket}.Arn>/{under}/*]"
            acknowledge(role, rule, "an object's name has ids that only a request knows")

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
            # Not emptied by itself: that is a function of its own with the right to delete everything.
            removal_policy=removal_policy(protect=self.props.protect),
        )
        if self.props.access_logs is None:
            reason = "only functions use it, and their log lines name each request; the prop access_logs adds them"
            acknowledge(bucket, "AwsSolutions-S1", reason)
        return bucket

    def _lifecycle(self) -> s3.LifecycleRule:
        # In a versioned bucket the expiration only hides an object; the delete marker goes by itself when it is alone.
        return s3.LifecycleRule(
            expiration=self.props.expiration,
            noncurrent_version_expiration=self.props.recovery,
            abort_incomplete_multipart_upload_after=_ABANDONED_UPLOADS,
        )

    def _new_key(self) -> kms.IKey:
        props = CustomerManagedKeyProps(description="JSON that messages refer to", protect=self.props.protect)
        return CustomerManagedKey(self, "ObjectKey", props).key


def _require_versioned(bucket: s3.IBucket) -> None:
    """Refuse a bucket of this app without versions; what an imported one has cannot be seen.

    Object lock turns versions on by itself:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html

    Raises:
        InvalidPropsError: Its versions are not kept, and a claim names a version.
    """
    resource = bucket.node.default_child
    if not isinstance(resource, s3.CfnBucket) or resource.object_lock_enabled:
        return
    versioning = resource.versioning_configuration
    status = versioning.status if isinstance(versioning, s3.CfnBucket.VersioningConfigurationProperty) else versioning
    if status in (None, _SUSPENDED):
        msg = f"{bucket.node.path} must be versioned, because a claim names a version, got a bucket that is not"
        raise InvalidPropsError(msg)


def _check_days(name: str, value: Duration) -> None:
    check_seconds(name, value, LIFETIME_SECONDS)
    if int(value.to_seconds()) % _DAY_SECONDS:
        msg = f"{name} must be a whole number of days, got {value.to_seconds():,} seconds"
        raise InvalidPropsError(msg)
