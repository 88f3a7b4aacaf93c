"""The shipping service of the order pipeline: ships what is reserved and paid."""
