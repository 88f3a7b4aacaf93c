"""A bucket for the results of accepted requests."""

from dataclasses import dataclass
from typing import Annotated

from aws_cdk import Annotations, Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from tsunagu.cdk.constructs.acknowledgement import acknowledge, acknowledge_objects
from tsunagu.cdk.constructs.checked_construct import CheckedConstruct
from tsunagu.cdk.constructs.error_path import props_error
from tsunagu.cdk.constructs.flow_metadata import mark
from tsunagu.cdk.constructs.grants import Grantor
from tsunagu.cdk.constructs.key_access import RECEIVE_ACTIONS, CustomerKey
from tsunagu.cdk.constructs.protection import removal_policy
from tsunagu.cdk.constructs.ranges import DAY_SECONDS
from tsunagu.cdk.props import CheckedProps, Days
from tsunagu.contracts.flows import Kind
from tsunagu.contracts.requests import STAGING_PREFIX
from tsunagu.errors import InvalidPropsError

# S3 counts in days: https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html
LIFETIME_SECONDS = range(DAY_SECONDS, 10 * 365 * DAY_SECONDS + 1)
Lifetime = Annotated[Duration, Days(LIFETIME_SECONDS)]

LIFETIME = Duration.days(60)
STAGING_LIFETIME = Duration.days(30)
_ABANDONED_UPLOADS = Duration.days(1)

# A copy reads what was staged. A copy that was made before is found by HEAD, which is a read too.
_STORE_ACTIONS = ("s3:GetObject", "s3:PutObject")
_STORE_KEY_ACTIONS = ("kms:Decrypt", "kms:GenerateDataKey")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultBucketProps(CheckedProps):
    """Settings of a result bucket.

    Attributes:
        lifetime: How long a result is kept, whole days from 1 to 3,650. Default: 60 days.
        staging_lifetime: How long a result is kept that an attempt has stored and not committed, whole days from 1 to
            `lifetime`. Default: 30 days, or `lifetime` where it is shorter.
        key: Customer-managed key of the objects. Default: S3's own key (SSE-S3), without a charge.
        existing: Bucket to use instead of a new one; it is not changed. Default: a new bucket.
        access_logs: Bucket that gets the server access logs. Default: no access logs are written.
        protect: Keep the bucket when its stack is deleted. Default: it is kept. Empty a bucket that is not kept before
            you delete its stack.

    Raises:
        InvalidPropsError: A time is out of range or not a whole number of days, the key is not customer-managed, or
            two settings exclude each other.
    """

    lifetime: Lifetime = LIFETIME
    staging_lifetime: Lifetime | None = None
    key: CustomerKey | None = None
    existing: s3.IBucket | None = None
    access_logs: s3.IBucket | None = None
    protect: bool = True

    def __post_init__(self) -> None:
        """Refuse settings that AWS does not allow, or that exclude each other."""
        CheckedProps.__post_init__(self)  # plain `super()` fails in a dataclass with slots
        if self.staging_lifetime is not None and self.staging_lifetime.to_seconds() > self.lifetime.to_seconds():
            msg = (
                f"staging_lifetime must be at most the {self.lifetime.to_days():,} days of lifetime, "
                f"got {self.staging_lifetime.to_days():,}"
            )
            raise InvalidPropsError(msg)
        if self.existing is not None and (self.access_logs is not None or self.key is not None):
            msg = "access_logs and key must be left out with existing, because an existing bucket is not changed"
            raise InvalidPropsError(msg)

    @property
    def staged(self) -> Duration:
        """How long a staged result is kept."""
        shorter = min(STAGING_LIFETIME, self.lifetime, key=lambda each: each.to_seconds())
        return self.staging_lifetime or shorter


class ResultBucket(CheckedConstruct):
    """Keep results of accepted requests under the key of their caller, and results that are not committed apart.

    The bucket is encrypted, TLS only, and not public. It has no versions: a result is written once, or again as it was.

    Attributes:
        bucket: The bucket.
        props: Settings of the bucket.
    """

    def __init__(self, scope: Construct, construct_id: str, props: ResultBucketProps | None = None) -> None:
        super().__init__(scope, construct_id)
        self.props = props or ResultBucketProps()
        self.bucket: s3.IBucket = self.props.existing or self._bucket()

    def grant_read(self, grantee: iam.IGrantable, *, scope: str) -> iam.Grant:
        """Let `grantee` read committed results of a scope, and be told that one does not exist.

        S3 answers 404, and not 403, to whoever may list the bucket. So a missing permission is no missing result.
        """
        read = self._grant(grantee, f"{scope}/*", ("s3:GetObject",), RECEIVE_ACTIONS)
        return read.combine(self._grantor.grant(grantee, ["s3:ListBucket"], self.bucket.bucket_arn))

    def grant_store(self, grantee: iam.IGrantable, *, scope: str) -> iam.Grant:
        """Let `grantee` stage results of a scope, and copy them to their places."""
        staged = self._grant(grantee, f"{STAGING_PREFIX}{scope}/*", _STORE_ACTIONS, _STORE_KEY_ACTIONS)
        return staged.combine(self._grant(grantee, f"{scope}/*", _STORE_ACTIONS, _STORE_KEY_ACTIONS))

    def require_lifetime(self, least: Duration, reader: Construct) -> None:
        """Refuse a bucket whose results expire while their requests are still shown.

        Args:
            least: How long a request is shown after its end.
            reader: Construct that shows it, for the error.

        Raises:
            InvalidPropsError: `lifetime` is shorter than `least`.
        """
        if self.props.existing is not None:
            days = -(-int(least.to_seconds()) // DAY_SECONDS)
            Annotations.of(self).add_info(f"the objects of the existing bucket must be kept for at least {days:,} days")
        elif self.props.lifetime.to_seconds() < least.to_seconds():
            msg = (
                f"lifetime must be at least the {least.to_seconds():,} seconds for which {reader.node.path} shows a "
                f"request, got {self.props.lifetime.to_seconds():,}"
            )
            raise props_error(self, msg)

    @property
    def _grantor(self) -> Grantor:
        return Grantor(self, self.bucket, self.bucket.encryption_key)

    def _grant(
        self, grantee: iam.IGrantable, keys: str, actions: tuple[str, ...], key_actions: tuple[str, ...]
    ) -> iam.Grant:
        role = grantee.grant_principal
        if isinstance(role, iam.Role) and self.props.existing is None:
            acknowledge_objects(role, self.bucket, keys)
        return self._grantor.grant(grantee, actions, self.bucket.arn_for_objects(keys), key_actions=key_actions)

    def _bucket(self) -> s3.Bucket:
        key = self.props.key
        bucket = s3.Bucket(
            self,
            "Bucket",
            encryption=s3.BucketEncryption.KMS if key else s3.BucketEncryption.S3_MANAGED,
            encryption_key=key,
            bucket_key_enabled=True if key else None,
            enforce_ssl=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            lifecycle_rules=[
                s3.LifecycleRule(
                    expiration=self.props.lifetime, abort_incomplete_multipart_upload_after=_ABANDONED_UPLOADS
                ),
                s3.LifecycleRule(prefix=STAGING_PREFIX, expiration=self.props.staged),
            ],
            server_access_logs_bucket=self.props.access_logs,
            # Not emptied automatically: that needs a function with the right to delete every object.
            removal_policy=removal_policy(protect=self.props.protect),
        )
        if self.props.access_logs is None:
            reason = "the API logs each read, the function each write; the prop access_logs adds the bucket's own"
            acknowledge(bucket, "AwsSolutions-S1", reason)
        mark(bucket, Kind.RESULT_BUCKET, self, protected=self.props.protect)
        return bucket
