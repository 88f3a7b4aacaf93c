"""Reads the error code from the two kinds of errors that the SDK raises."""

from botocore.exceptions import BotoCoreError, ClientError


def error_code(error: ClientError | BotoCoreError) -> str:
    """Return the code of a service's error, or the class name of an error of the SDK itself."""
    return error.response.get("Error", {}).get("Code", "") if isinstance(error, ClientError) else type(error).__name__
