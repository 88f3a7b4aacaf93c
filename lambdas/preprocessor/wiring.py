"""The preprocessor, built once a process."""

import functools

from tsunagu.runtime.functions import preprocessor as aws

preprocessor = functools.cache(aws.preprocessor)
