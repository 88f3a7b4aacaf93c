"""Installs all extensions of ministack, in a fixed order."""

from . import (
    access_logs,
    alarms,
    asynchronous_invocations,
    batch_permissions,
    cloudformation_properties,
    control,
    custom_resources,
    denial_statuses,
    execution_metrics,
    execution_roles,
    executions,
    fifo_deliveries,
    fifo_mappings,
    function_integrations,
    gateway_errors,
    gateway_requests,
    http_api_requests,
    images,
    invocation_payloads,
    item_keys,
    lambda_permissions,
    missing_objects,
    networks,
    partiql_permissions,
    queue_metrics,
    rule_targets,
    sandboxes,
    schedules,
    secure_transport,
    service_integrations,
    stream_mappings,
    stream_pipes,
    subscription_dead_letters,
    subscription_regions,
    task_tokens,
    topic_sizes,
)
from .settings import LauncherSettings


def install_all(settings: LauncherSettings) -> None:
    """Install every extension. Call it once, before ministack serves."""
    secure_transport.install()
    batch_permissions.install()
    lambda_permissions.install()
    partiql_permissions.install()
    denial_statuses.install()
    missing_objects.install(settings)
    item_keys.install()
    cloudformation_properties.install()
    networks.install()
    custom_resources.install()
    topic_sizes.install()
    fifo_deliveries.install()
    fifo_mappings.install()
    subscription_dead_letters.install()
    subscription_regions.install()
    sandboxes.install(settings)
    images.install(settings)
    asynchronous_invocations.install(settings)
    alarms.install()
    queue_metrics.install()
    invocation_payloads.install()
    gateway_requests.install()
    gateway_errors.install()
    access_logs.install()
    http_api_requests.install()
    function_integrations.install()
    service_integrations.install(settings)
    stream_mappings.install()
    stream_pipes.install(settings)
    execution_roles.install(settings)
    executions.install()
    execution_metrics.install()
    task_tokens.install()
    rule_targets.install(settings)
    schedules.install(settings)
    control.install()
