"""The gaps of ministack that are mended, in the order in which they are installed."""

from . import (
    alarms,
    batch_permissions,
    cloudformation_properties,
    control,
    partiql_permissions,
    queue_metrics,
    sandboxes,
    secure_transport,
)
from .settings import LauncherSettings


def install_all(settings: LauncherSettings) -> None:
    """Replace what ministack lacks; once, before it serves."""
    secure_transport.install()
    batch_permissions.install()
    partiql_permissions.install()
    cloudformation_properties.install()
    sandboxes.install(settings)
    alarms.install()
    queue_metrics.install()
    control.install()
