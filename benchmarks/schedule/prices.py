"""List prices of us-east-1 in USD, without free tiers and volume discounts, of what only a schedule uses.

The others are those of `benchmarks.pipeline_cost.prices`. Each has the page on which its figure was seen. What counts
is AWS's own page of the service, `https://aws.amazon.com/<service>/pricing/`: compare before you budget.
"""

_MILLION = 1_000_000

TRANSITION_USD = 0.025 / 1_000  # standard workflows: https://aws.amazon.com/step-functions/pricing/
SCHEDULER_USD = 1.00 / _MILLION  # https://cloudburn.io/blog/amazon-eventbridge-pricing (March 2026)
# Of CloudWatch, from memory of https://aws.amazon.com/cloudwatch/pricing/, which was not seen.
LOG_GB_USD = 0.50  # ingestion
ALARM_USD = 0.10  # a standard alarm, a month
METRIC_USD = 0.30  # a custom metric, a month
