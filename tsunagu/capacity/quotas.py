"""What AWS allows, as far as it bounds the messages a second of a receiver; each number with the page that states it.

Left out, because they do not grow with the messages: KMS (queues and tables keep data keys for minutes) and the
transitions of state machines (a scheduled job has one message a tick). SNS has another quota in each region, which
only the account knows: `Load.sns_quota`.
"""

# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html: of a mapping without provisioned pollers.
FIRST_INVOCATIONS, MORE_PER_MINUTE, MOST_INVOCATIONS = 5, 300, 1_250
# The same page, of provisioned pollers. One that has no maximum has 200, no minimum 2.
POLLER_INVOCATIONS, POLLER_BYTES_PER_SECOND, POLLER_CALLS_PER_SECOND = 10, 1_000_000, 10
MORE_PER_MINUTE_WITH_POLLERS, MOST_INVOCATIONS_WITH_POLLERS = 1_000, 20_000
FEWEST_POLLERS, MOST_POLLERS = 2, 200
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: of an account that never asked for more; and
# ten requests a second for each of these.
ACCOUNT_CONCURRENCY, REQUESTS_PER_CONCURRENCY = 1_000, 10
PAYLOAD_BYTES = 6_000_000  # of one invocation, which a batch must fit
DEFAULT_TIMEOUT_SECONDS = 3

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html and quotas-queues.html
# there: calls a second of each action, and messages that are received and not yet deleted.
FIFO_CALLS_PER_SECOND, MESSAGES_PER_CALL, IN_FLIGHT = 300, 10, 120_000
# The same page: calls a second of each action on FIFO queues with high throughput; other regions have the fewest.
HIGH_THROUGHPUT_CALLS = {
    "us-east-1": 70_000,
    "us-west-2": 70_000,
    "eu-west-1": 70_000,
    "us-east-2": 19_000,
    "eu-central-1": 19_000,
    "ap-south-1": 9_000,
    "ap-southeast-1": 9_000,
    "ap-southeast-2": 9_000,
    "ap-northeast-1": 9_000,
    "eu-west-2": 4_500,
    "sa-east-1": 4_500,
}
FEWEST_HIGH_THROUGHPUT_CALLS = 2_400
FIFO_BATCH = 10  # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
STANDARD_BATCH = 10_000  # with a batching window; without one it is 10 too

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
PARTITION_WRITES = 1_000
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html: a new table on demand,
# and twice its peak after half an hour; ServiceQuotas.html there: of one table, unless the account has asked for more.
NEW_TABLE_WRITES, DOUBLING_SECONDS, MOST_TABLE_WRITES = 4_000, 1_800, 40_000

# https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html: requests a second of an account and region,
# and the regions that have fewer.
API_REQUESTS_PER_SECOND, FEWEST_API_REQUESTS_PER_SECOND = 10_000, 2_500
REGIONS_WITH_FEWEST_API_REQUESTS = frozenset(
    {
        "af-south-1",
        "ap-south-2",
        "ap-southeast-3",
        "ap-southeast-4",
        "ap-southeast-5",
        "ap-southeast-7",
        "ca-west-1",
        "eu-central-2",
        "eu-south-1",
        "eu-south-2",
        "il-central-1",
        "me-central-1",
        "mx-central-1",
    }
)
