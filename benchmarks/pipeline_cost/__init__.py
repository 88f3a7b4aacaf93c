"""A cost model: what a million requests through a pipeline cost at list price, with payloads inline and in S3.

Nothing is measured. Messages and items are made by the runtime's own code, and calls are those that a run of it makes;
what cannot be derived is an input of `flow.Flow`, and the report prints it.
"""
