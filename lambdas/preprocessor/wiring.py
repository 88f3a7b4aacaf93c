"""The preprocessor, built once a process."""

import functools

from lambdas.runtime.aws import preprocessor as aws

preprocessor = functools.cache(aws.preprocessor)
