"""The pipeline: requests that go from step to step, each service of a step with its own queue and function."""
