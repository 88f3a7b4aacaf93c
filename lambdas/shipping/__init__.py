"""The shipping service of the order pipeline: ships orders that are reserved and paid."""
