"""The billing service of the order pipeline: charges the customer."""
