"""Errors of synth, of operations and of the command. Each message is one sentence for the person who can act on it.

* TsunaguError
    + InvalidPropsError      a construct's prop is out of range, or two props exclude each other
    + SettingsError          the context of cdk.json has no such stage, or a setting is wrong
    + AssetError             a handler package cannot become a Lambda asset
    + EmbeddedCloudError     the embedded cloud did not start, or a deployment to it failed
    + OperationError         an operation on deployed stacks failed
        + InvalidInputError      a payload, field or id cannot be used as it is
        + NotFoundError          no such stack, output, queue, pipeline or request exists
        + AmbiguousNameError     a name means several things; the message lists them
        + NotAcceptedError       the preprocessor did not accept a command
        + NotDrainedError        queues still hold messages after the time allowed
    + CommandError           the command line cannot be used, or not everything that it asked for was done
"""


class TsunaguError(Exception):
    """Base of the errors that users of the constructs, of the operations and of the command see."""


class InvalidPropsError(TsunaguError):
    """A construct's prop is out of range, or two props exclude each other."""


class SettingsError(TsunaguError):
    """The context of cdk.json has no such stage, or a setting of it is missing, misspelt or of a wrong type."""


class AssetError(TsunaguError):
    """A handler package cannot become a Lambda asset."""


class EmbeddedCloudError(TsunaguError):
    """The embedded cloud did not start, or a deployment to it failed.

    Attributes:
        log_path: Log with the details. None when nothing was logged.
    """

    def __init__(self, message: str, log_path: str | None = None) -> None:
        super().__init__(message)
        self.log_path = log_path


class OperationError(TsunaguError):
    """An operation on deployed stacks failed."""


class InvalidInputError(OperationError):
    """A payload, field or id cannot be used as it is. Nothing was sent or started."""


class NotFoundError(OperationError):
    """No such stack, output, queue, pipeline or request exists."""


class AmbiguousNameError(OperationError):
    """A name means several stacks, or several things in them."""


class NotAcceptedError(OperationError):
    """The preprocessor of a pipeline did not accept a command.

    Attributes:
        error_type: Name of the error that the preprocessor answered with.
        can_retry: Whether the same command, with the same idempotency key, may be accepted later.
    """

    def __init__(self, message: str, *, error_type: str, can_retry: bool) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.can_retry = can_retry


class NotDrainedError(OperationError):
    """Queues still hold messages after the time allowed."""


class CommandError(TsunaguError):
    """The command line cannot be used, or not everything that it asked for was done."""
