"""Building blocks: one AWS resource, or one role that several play together, with safe defaults."""

from cdk_app.constructs.acknowledgement import acknowledge
from cdk_app.constructs.claim_check_bucket import ClaimCheckBucket, ClaimCheckBucketProps
from cdk_app.constructs.customer_managed_key import CustomerManagedKey, CustomerManagedKeyProps
from cdk_app.constructs.dead_letter_notifier import DeadLetterNotifier, DeadLetterNotifierProps
from cdk_app.constructs.filter_policy import FilterPolicy, FilterScope
from cdk_app.constructs.handler_function import HandlerFunction, HandlerFunctionProps
from cdk_app.constructs.idempotency_table import IdempotencyTable, IdempotencyTableProps
from cdk_app.constructs.network import Network
from cdk_app.constructs.private_endpoints import PrivateEndpoints, PrivateEndpointsProps
from cdk_app.constructs.queue_channel import QueueChannel, QueueChannelProps
from cdk_app.constructs.topic_channel import TopicChannel, TopicChannelProps
from cdk_app.constructs.topic_subscription import TopicSubscription, TopicSubscriptionProps

__all__ = [
    "ClaimCheckBucket",
    "ClaimCheckBucketProps",
    "CustomerManagedKey",
    "CustomerManagedKeyProps",
    "DeadLetterNotifier",
    "DeadLetterNotifierProps",
    "FilterPolicy",
    "FilterScope",
    "HandlerFunction",
    "HandlerFunctionProps",
    "IdempotencyTable",
    "IdempotencyTableProps",
    "Network",
    "PrivateEndpoints",
    "PrivateEndpointsProps",
    "QueueChannel",
    "QueueChannelProps",
    "TopicChannel",
    "TopicChannelProps",
    "TopicSubscription",
    "TopicSubscriptionProps",
    "acknowledge",
]
