"""Builds the environment variables of a handler process: those that AWS sets, and those of the function."""

# ruff: noqa: SLF001 - the package's docstring says why

import os
import tempfile
from pathlib import Path
from typing import Any

from .ministack_modules import lambda_runtime, lambda_svc, responses


def sandbox_environment(config: dict[str, Any], code_directory: str, runtime_api_port: int) -> dict[str, str]:
    """Return the environment of one sandbox of a Python function.

    The variables of the function come last, so that a test can give a function another endpoint.
    """
    return {
        **_machine(),
        **_platform(config, code_directory, runtime_api_port),
        **_logging(config),
        **lambda_runtime.execution_credentials(config),
        **lambda_svc._runtime_env_vars(config),
    }


def log_group_of(config: dict[str, Any]) -> str:
    """Return the log group that a function writes to."""
    configured = (config.get("LoggingConfig") or {}).get("LogGroup")
    return str(configured or f"/aws/lambda/{config['FunctionName']}")


def log_format_of(config: dict[str, Any]) -> str:
    """Return the log format of a function: `Text` or `JSON`."""
    return str((config.get("LoggingConfig") or {}).get("LogFormat") or "Text")


def _machine() -> dict[str, str]:
    kept = ("PATH", "TMPDIR", "AWS_ENDPOINT_URL")
    return {name: os.environ[name] for name in kept if name in os.environ}


def _platform(config: dict[str, Any], code_directory: str, runtime_api_port: int) -> dict[str, str]:
    region = responses.get_region()
    return {
        "AWS_DEFAULT_REGION": region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{config['Runtime']}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config.get("MemorySize", 128)),
        "AWS_LAMBDA_FUNCTION_NAME": config["FunctionName"],
        "AWS_LAMBDA_FUNCTION_VERSION": config.get("Version", "$LATEST"),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start" if _has_snapshot(config) else "on-demand",
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{runtime_api_port}",
        "AWS_REGION": region,
        "LAMBDA_TASK_ROOT": code_directory,
        "LANG": "en_US.UTF-8",
        # AWS mounts the code read-only. The byte code of all sandboxes is beside it, or each start would compile anew.
        "PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir(), "byte-code")),
        "PYTHONUNBUFFERED": "1",
        "TZ": ":UTC",
        "_HANDLER": config["Handler"],
    }


def _has_snapshot(config: dict[str, Any]) -> bool:
    """Whether it is a published version of a function with SnapStart; `sandboxes` says what it then does."""
    return bool((config.get("SnapStart") or {}).get("OptimizationStatus") == "On")


def _logging(config: dict[str, Any]) -> dict[str, str]:
    variables = {"AWS_LAMBDA_LOG_FORMAT": log_format_of(config)}
    if not _has_snapshot(config):  # https://docs.aws.amazon.com/lambda/latest/dg/snapstart-monitoring.html
        variables["AWS_LAMBDA_LOG_GROUP_NAME"] = log_group_of(config)
        variables["AWS_LAMBDA_LOG_STREAM_NAME"] = config["LogStreamName"]
    level = (config.get("LoggingConfig") or {}).get("ApplicationLogLevel")
    if level:
        variables["AWS_LAMBDA_LOG_LEVEL"] = level
    return variables
