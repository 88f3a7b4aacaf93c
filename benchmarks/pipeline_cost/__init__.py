"""A cost model: what a million requests through a pipeline cost at list price, with payloads inline and in S3.

Nothing is measured. Calls follow from the pipeline's shape, sizes from the runtime's own records; what cannot be
derived is an input of `flow.Flow`, and the report prints it.
"""
