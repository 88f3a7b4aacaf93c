"""A DynamoDB on 127.0.0.1 that keeps items, holds conditions, and answers a given time after the call was applied.

It knows the calls that the benchmarks make, and little more: what is measured is the client.
"""
