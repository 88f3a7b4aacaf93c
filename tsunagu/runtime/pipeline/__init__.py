"""The pipeline: requests go from step to step. Each service of a step has its own queue and function."""
