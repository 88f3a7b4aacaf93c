"""Errors at synth time and in the command: each a sentence for whoever wrote the input.

* TsunaguError
    + InvalidPropsError    a construct's prop is out of range, or two props exclude each other
    + SettingsError        the context of cdk.json names no such stage, or a setting is wrong
    + AssetError           a handler package cannot become a Lambda asset
    + EmbeddedCloudError   the embedded cloud did not start, or a deployment to it failed
    + CommandError         a command was called with what it cannot use
"""


class TsunaguError(Exception):
    """Base of the errors that users of the constructs and of the command see."""


class InvalidPropsError(TsunaguError):
    """A construct's prop is out of range, or two props exclude each other."""


class SettingsError(TsunaguError):
    """The context of cdk.json names no such stage, or a setting of it is missing, misspelt or of a wrong type."""


class AssetError(TsunaguError):
    """A handler package cannot become a Lambda asset."""


class EmbeddedCloudError(TsunaguError):
    """The embedded cloud did not start, or a deployment to it failed.

    Attributes:
        log_path: Where the whole story is, if anything was written.
    """

    def __init__(self, message: str, log_path: str | None = None) -> None:
        super().__init__(message)
        self.log_path = log_path


class CommandError(TsunaguError):
    """A command was called with what it cannot use."""
