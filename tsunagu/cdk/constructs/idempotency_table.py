"""The idempotency table: one item for each message that was received."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from constructs import Construct

from tsunagu.cdk.constructs.checked_construct import CheckedConstruct
from tsunagu.cdk.constructs.error_path import props_error
from tsunagu.cdk.constructs.existing_table import check_existing
from tsunagu.cdk.constructs.flow_metadata import mark
from tsunagu.cdk.constructs.grants import (
    Conditions,
    Grantor,
    PolicyResource,
    grant_by_own_policy,
    grantee_name,
    is_foreign,
)
from tsunagu.cdk.constructs.key_access import RECEIVE_ACTIONS
from tsunagu.cdk.constructs.key_spaces import KeySpaces, table_identity
from tsunagu.cdk.constructs.protection import removal_policy
from tsunagu.cdk.props import CheckedProps
from tsunagu.contracts import items, requests
from tsunagu.contracts.flows import Kind
from tsunagu.contracts.schedules import job_item_id

# BatchExecuteStatement has no action of its own: IAM checks each statement as what it does.
_BATCH_INSERT_ACTION, _BATCH_UPDATE_ACTION = "dynamodb:PartiQLInsert", "dynamodb:PartiQLUpdate"
_SINGLE_INSERT_ACTION = "dynamodb:PutItem"
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-dynamodb.html
_STREAM_ACTIONS = (
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:ListStreams",
)
_SWEEP_ACTIONS = ("dynamodb:BatchGetItem", "dynamodb:UpdateItem")
_UPDATE_ACTION = "dynamodb:UpdateItem"  # a single write, and the item's part of a TransactWriteItems


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyTableProps(CheckedProps):
    """Settings of an idempotency table.

    Attributes:
        existing: Table to use instead of a new one, such as a `Table` or a `TableV2`; it is not changed. Its partition
            key must be `id` (a string), its TTL attribute `expiration`, and it must have no sort key. Synthesis checks
            this, and the indexes, where the app creates the table. Default: a new table.
        request_index: Add an index that finds items by request id, as a pipeline needs. It holds keys only, and costs
            one more write unit for a new item. An existing table must have the index: `RequestIndex`, with the
            partition key `request_id` (a string). Default: no index.
        run_index: Add an index that finds the unfinished runs of a pipeline. It holds keys only, of runs that are not
            known to be over, and costs two write units for a run and one more write of its start. An existing table
            must have the index: `OpenIndex`, as with `requests`, which brings it too. CloudFormation adds one index in
            one deployment to a table that exists. Default: no index.
        requests: Let the table hold the records of accepted requests, with a stream for the pipe and an index of open
            requests for the sweeper; or HTTP requests of a web application, whose sweeper uses the same index. The
            index holds keys only, of open requests only. An existing table must have a stream with new images, and the
            index: `OpenIndex`, with the partition key `open` (a string) and the sort key `due` (a number), keys only.
            Default: it holds none.
        protect: Keep the new table when its stack is deleted, with deletion protection. Default: it is kept.

    Raises:
        InvalidPropsError: The existing table has other keys, another TTL attribute, or lacks an index or the stream.
    """

    existing: dynamodb.ITable | None = None
    request_index: bool = False
    run_index: bool = False
    requests: bool = False
    protect: bool = True

    def __post_init__(self) -> None:
        """Refuse a table that cannot hold the items, as far as synthesis can see it."""
        CheckedProps.__post_init__(self)  # plain `super()` fails in a dataclass with slots
        if self.existing is not None:
            check_existing(
                self.existing,
                request_index=self.request_index,
                open_index=self.has_open_index,
                requests_held=self.requests,
            )

    @property
    def has_open_index(self) -> bool:
        """Whether the table has the index of open requests and open runs."""
        return self.requests or self.run_index


class IdempotencyTable(CheckedConstruct):
    """Keep the idempotency items of any number of receivers; the key space in an item's id keeps them apart.

    The table is on demand, with recovery to any second of the last 35 days. The items are those of
    `tsunagu.contracts.items`.

    Attributes:
        table: The table.
        props: Settings of the table.
        key_spaces: Who has which keys; the same for all constructs of one table.
    """

    def __init__(self, scope: Construct, construct_id: str, props: IdempotencyTableProps | None = None) -> None:
        super().__init__(scope, construct_id)
        self.props = props or IdempotencyTableProps()
        self.table: dynamodb.ITable = self.props.existing or self._table()
        self.key_spaces = self._known_key_spaces() or KeySpaces()

    def grant_idempotency(
        self,
        grantee: iam.IGrantable,
        *,
        single_writes: bool = False,
        transactions: bool = True,
        inserts: bool = True,
    ) -> iam.Grant:
        """Let `grantee` claim, change and read items, and use the table's key where it has one.

        Args:
            grantee: The function.
            single_writes: It writes items one by one. Default: in batches of PartiQL statements.
            transactions: It completes items in transactions with writes of its own. Default: it does.
            inserts: It creates the items. Default: it does.

        Raises:
            InvalidPropsError: The grantee is of another account and `single_writes` is False; or neither its policy
                nor the policy of the table can be extended.
        """
        creates = [_SINGLE_INSERT_ACTION if single_writes else _BATCH_INSERT_ACTION] if inserts else []
        batches = [] if single_writes else [_BATCH_UPDATE_ACTION]
        updates = [_UPDATE_ACTION] if single_writes or transactions else []
        if not single_writes and is_foreign(grantee, self.table.env.account, if_unknown=False):
            msg = (
                "single_writes must be True for a grantee of another account, because DynamoDB accepts batches of "
                f"PartiQL statements from its own account only, got False for {grantee_name(grantee)}"
            )
            raise props_error(self, msg)
        return self._grant(grantee, [*creates, *batches, "dynamodb:BatchGetItem", *updates], self.table.table_arn)

    def grant_find_by_request(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` find the ids of a request's items.

        Raises:
            InvalidPropsError: `request_index` is False.
        """
        if not self.props.request_index:
            msg = "request_index must be True, because items are found by their request id, got False"
            raise props_error(self, msg)
        index = f"{self.table.table_arn}/index/{items.REQUEST_INDEX}"
        return self._grant(grantee, ["dynamodb:Query"], index)

    @property
    def stream_arn(self) -> str:
        """Return the ARN of the stream, which has the new image of each item.

        Raises:
            InvalidPropsError: `requests` is False, or an existing table was imported without its stream.
        """
        self._require_requests()
        if self.table.table_stream_arn is None:
            msg = "existing must be a table with a stream, because requests reach their queue through it, got none"
            raise props_error(self, msg)
        return str(self.table.table_stream_arn)

    def grant_stream_read(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee`, the role of a pipe, read the stream.

        Raises:
            InvalidPropsError: The table has no stream; the grantee has no policy that can be extended, or is of another
                account; or the key of the table drops the grant.
        """
        granted = grant_by_own_policy(
            self,
            grantee,
            _STREAM_ACTIONS,
            [self.stream_arn],
            account=self.table.env.account,
            reason="the policy of a table does not cover its stream",
        )
        return self._grantor.add_use_of_key(granted, grantee, ["kms:Decrypt"])

    def grant_sweep(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` find open requests, and read and change their records.

        Raises:
            InvalidPropsError: `requests` is False.
        """
        self._require_requests()
        index = f"{self.table.table_arn}/index/{requests.OPEN_INDEX}"
        found = self._grant(grantee, ["dynamodb:Query"], index)
        return found.combine(self._grant(grantee, _SWEEP_ACTIONS, self.table.table_arn))

    def grant_sweep_runs(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` find open runs and the items of their requests, read them, and take runs out of the index.

        Raises:
            InvalidPropsError: `request_index` or `run_index` is False.
        """
        self.require_run_index()
        index = f"{self.table.table_arn}/index/{requests.OPEN_INDEX}"
        found = self._grant(grantee, ["dynamodb:Query"], index).combine(self.grant_find_by_request(grantee))
        return found.combine(self._grant(grantee, _SWEEP_ACTIONS, self.table.table_arn))

    def require_run_index(self) -> None:
        """Refuse a table without the index of open runs.

        Raises:
            InvalidPropsError: `run_index` and `requests` are False.
        """
        if not self.props.has_open_index:
            msg = (
                "run_index must be True, so that unfinished runs are found, got False; or give the pipeline "
                "unfinished_runs=None"
            )
            raise props_error(self, msg)

    def grant_record(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee`, a worker that the gateway invokes, write the records of its requests.

        Raises:
            InvalidPropsError: `requests` is False.
        """
        self._require_requests()
        return self._grant(grantee, [_SINGLE_INSERT_ACTION], self.table.table_arn)

    def _require_requests(self) -> None:
        if not self.props.requests:
            msg = "requests must be True, because the table is to hold accepted requests, got False"
            raise props_error(self, msg)

    def grant_hold_job(self, grantee: iam.IGrantable, job: str) -> iam.Grant:
        """Let `grantee`, a state machine, take, read and release the lease of a job, but no other item."""
        actions = ["dynamodb:GetItem", "dynamodb:UpdateItem"]
        return self._grant(grantee, actions, self.table.table_arn, _only_job(job))

    def grant_release_job(self, grantee: iam.IGrantable, job: str) -> iam.Grant:
        """Let `grantee`, a state machine, release the lease of a job, but change no other item."""
        return self._grant(grantee, ["dynamodb:UpdateItem"], self.table.table_arn, _only_job(job))

    def grant_check_job(self, grantee: iam.IGrantable, job: str) -> iam.Grant:
        """Let `grantee`, a worker, read the lease of a job, and commit only while its run holds it."""
        actions = ["dynamodb:ConditionCheckItem", "dynamodb:GetItem"]
        return self._grant(grantee, actions, self.table.table_arn, _only_job(job))

    def _grant(
        self, grantee: iam.IGrantable, actions: Sequence[str], arn: str, conditions: Conditions | None = None
    ) -> iam.Grant:
        # The policy of a table cannot refer to the table by its own ARN: that would be a dependency cycle.
        return self._grantor.grant(
            grantee, actions, arn, policy_arn="*", key_actions=RECEIVE_ACTIONS, conditions=conditions
        )

    @property
    def _grantor(self) -> Grantor:
        return Grantor(self, cast("PolicyResource", self.table), self.table.encryption_key)

    def _known_key_spaces(self) -> KeySpaces | None:
        """Return the key spaces of another construct with the same existing table, if the app has one."""
        if self.props.existing is None:
            return None
        identity = table_identity(self.table)
        for other in self.node.root.node.find_all():
            if isinstance(other, IdempotencyTable) and other is not self and table_identity(other.table) == identity:
                return other.key_spaces
        return None

    def _table(self) -> dynamodb.Table:
        table = dynamodb.Table(
            self,
            "Table",
            partition_key=dynamodb.Attribute(name=items.ID, type=dynamodb.AttributeType.STRING),
            time_to_live_attribute=items.EXPIRATION,
            stream=dynamodb.StreamViewType.NEW_IMAGE if self.props.requests else None,
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            deletion_protection=self.props.protect,
            removal_policy=removal_policy(protect=self.props.protect),
        )
        if self.props.has_open_index:
            table.add_global_secondary_index(
                index_name=requests.OPEN_INDEX,
                partition_key=dynamodb.Attribute(name=requests.OPEN, type=dynamodb.AttributeType.STRING),
                sort_key=dynamodb.Attribute(name=requests.DUE, type=dynamodb.AttributeType.NUMBER),
                projection_type=dynamodb.ProjectionType.KEYS_ONLY,
            )
        if self.props.request_index:
            table.add_global_secondary_index(
                index_name=items.REQUEST_INDEX,
                partition_key=dynamodb.Attribute(name=items.REQUEST_ID, type=dynamodb.AttributeType.STRING),
                projection_type=dynamodb.ProjectionType.KEYS_ONLY,
            )
        mark(table, Kind.IDEMPOTENCY_TABLE, self, protected=self.props.protect)
        return table


def _only_job(job: str) -> Conditions:
    """Return the condition that a call is about the item of one job."""
    return {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [job_item_id(job)]}}
