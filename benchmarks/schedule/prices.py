"""The list prices of what only a schedule uses. The figures, and where they were seen, are those of `tsunagu.costs`."""

from tsunagu.costs.prices import list_prices

TRANSITION_USD = list_prices()["states.transition"].unit_usd
SCHEDULER_USD = list_prices()["scheduler.invocation"].unit_usd
LOG_GB_USD = list_prices()["cloudwatch.log-gb"].unit_usd  # ingestion
ALARM_USD = list_prices()["cloudwatch.alarm"].unit_usd  # a standard alarm, a month
METRIC_USD = list_prices()["cloudwatch.metric"].unit_usd  # a custom metric, a month
