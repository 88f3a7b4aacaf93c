"""Settings of a stage, which are read from the context of cdk.json and checked."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tsunagu.cdk import ARCHITECTURES, PYTHONS, Platform
from tsunagu.errors import SettingsError

EMBEDDED_STAGE = "embedded"
_EMBEDDED_BASE = "dev"
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)


@dataclass(frozen=True, slots=True)
class _Setting:
    """Type of one setting, the type in words, and the values that are allowed; an empty `offered` allows all values."""

    kind: type
    in_words: str
    offered: tuple[object, ...] = ()


_SETTINGS: Mapping[str, _Setting] = {
    "python": _Setting(str, "a string", PYTHONS),
    "architecture": _Setting(str, "a string", ARCHITECTURES),
    "log_retention_days": _Setting(int, "a whole number", RETENTION_DAYS),
    "protect": _Setting(bool, "true or false"),
    "byte_code": _Setting(bool, "true or false"),
    "schedules": _Setting(bool, "true or false"),
    "supplier_url": _Setting(str, "a string"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSettings:
    """Settings of one stage.

    Attributes:
        name: Name of the stage, which is part of the names of the stacks.
        platform: Python and architecture of the functions.
        log_retention_days: Days that CloudWatch Logs keeps a function's logs, one of the numbers that it offers.
        protect: Whether stateful resources are protected from deletion. Without protection they are deleted with the
            stack.
        schedules: Whether schedules start runs of their jobs.
        supplier_url: Address of the supplier's API, without a slash at its end.
    """

    name: str
    platform: Platform
    log_retention_days: int
    protect: bool
    schedules: bool
    supplier_url: str


def load_settings(context: object, stage: str, *, host: Platform | None = None) -> StageSettings:
    """Read the settings of a stage.

    Args:
        context: The object `tsunagu` in the context of cdk.json.
        stage: Name of a stage in the context, or `embedded`: `dev` with the Python and architecture of the host.
        host: Platform of the embedded cloud. Default: Python and architecture of this process.

    Raises:
        SettingsError: There is no such stage, or a setting is missing, misspelt, of a wrong type, or not supported.
            The message names the setting.
        InvalidPropsError: The stage is `embedded`, and Lambda has no such Python or processor as this machine.
    """
    stages = _stages(context)
    if stage == EMBEDDED_STAGE:
        return _load(stages, _EMBEDDED_BASE, name=EMBEDDED_STAGE, host=host or Platform.of_this_machine())
    return _load(stages, stage, name=stage, host=None)


def _load(stages: Mapping[str, object], stage: str, *, name: str, host: Platform | None) -> StageSettings:
    if stage not in stages:
        known = sorted({*stages, EMBEDDED_STAGE})
        msg = f"stage must be one of {', '.join(known)}, got {stage!r}{_suggestion(stage, known)}"
        raise SettingsError(msg)
    values = _checked(f"tsunagu.stages.{stage}", stages[stage])
    return StageSettings(
        name=name,
        platform=Platform(
            python=host.python if host else values["python"],
            architecture=host.architecture if host else values["architecture"],
            byte_code=values["byte_code"],
        ),
        log_retention_days=values["log_retention_days"],
        protect=values["protect"],
        schedules=values["schedules"],
        supplier_url=values["supplier_url"],
    )


def _stages(context: object) -> Mapping[str, object]:
    stages = context.get("stages") if isinstance(context, Mapping) else None
    if not isinstance(stages, Mapping):
        msg = "the context of cdk.json must have an object tsunagu.stages with one object a stage, got none"
        raise SettingsError(msg)
    if EMBEDDED_STAGE in stages:
        msg = f"tsunagu.stages must not have {EMBEDDED_STAGE!r}, which is {_EMBEDDED_BASE} on this machine, got one"
        raise SettingsError(msg)
    return stages


def _checked(place: str, values: object) -> Mapping[str, Any]:
    if not isinstance(values, Mapping):
        msg = f"{place} must be an object, got {values!r}"
        raise SettingsError(msg)
    for name in values:
        if name not in _SETTINGS:
            msg = f"{place} must have only {', '.join(_SETTINGS)}, got {name!r}{_suggestion(name, _SETTINGS)}"
            raise SettingsError(msg)
    for name, setting in _SETTINGS.items():
        _check_value(f"{place}.{name}", values.get(name), setting)
    return values


def _check_value(place: str, value: object, setting: _Setting) -> None:
    if value is None:
        msg = f"{place} must be set to {setting.in_words}, got no such setting"
        raise SettingsError(msg)
    if type(value) is not setting.kind:
        msg = f"{place} must be {setting.in_words}, got {value!r}"
        raise SettingsError(msg)
    if setting.offered:
        _check_offered(place, value, setting.offered)


def _check_offered(place: str, value: object, offered: Iterable[object]) -> None:
    if value not in offered:
        msg = f"{place} must be one of {', '.join(map(str, offered))}, got {value!r}"
        raise SettingsError(msg)


def _suggestion(name: str, known: Iterable[str]) -> str:
    nearest = difflib.get_close_matches(name, known, n=1)
    return f": did you mean {nearest[0]!r}?" if nearest else ""
