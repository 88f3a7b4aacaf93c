"""The billing service of the order pipeline: charges what is ordered."""
