"""What the SDK's two kinds of errors have in common."""

from botocore.exceptions import BotoCoreError, ClientError


def error_code(error: ClientError | BotoCoreError) -> str:
    """Return the code that a service gave an error, or the name of an error of the SDK's own."""
    return error.response.get("Error", {}).get("Code", "") if isinstance(error, ClientError) else type(error).__name__
