"""Account and region of the embedded cloud."""

ACCOUNT = "000000000000"
REGION = "us-east-1"
# What a template of an app is for that names neither.
UNKNOWN_ACCOUNT, UNKNOWN_REGION = "unknown-account", "unknown-region"
