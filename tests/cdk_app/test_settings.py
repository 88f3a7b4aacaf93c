import platform as host_machine
import sys
from typing import Any

import pytest

from cdk_app.settings import load_settings
from tsunagu.cdk import Platform
from tsunagu.errors import InvalidPropsError, SettingsError

DEV: dict[str, Any] = {
    "python": "3.13",
    "architecture": "arm64",
    "log_retention_days": 7,
    "protect": False,
    "byte_code": False,
    "schedules": False,
    "supplier_url": "https://dev.acme.example",
}


def context(**changes: Any) -> dict[str, Any]:
    """Stages with `changes` made to dev."""
    return {"stages": {"dev": {**DEV, **changes}, "prod": {**DEV, "protect": True}}}


def refusal_of(context: object, stage: str = "dev") -> str:
    with pytest.raises(SettingsError) as refusal:
        load_settings(context, stage)
    return str(refusal.value)


def test_settings_of_a_stage_are_typed() -> None:
    settings = load_settings(context(byte_code=True, log_retention_days=30), "dev")

    assert settings.name == "dev"
    assert settings.platform == Platform(python="3.13", architecture="arm64", byte_code=True)
    assert settings.log_retention_days == 30
    assert settings.protect is False
    assert settings.schedules is False
    assert settings.supplier_url == "https://dev.acme.example"


@pytest.mark.parametrize("stage", ["dev", "stg", "prod", "embedded"])
def test_every_stage_of_cdk_json_loads(app_context: dict[str, Any], stage: str) -> None:
    assert load_settings(app_context["tsunagu"], stage).name == stage


def test_stages_that_hold_data_are_protected(app_context: dict[str, Any]) -> None:
    protected = {stage: load_settings(app_context["tsunagu"], stage).protect for stage in ("dev", "stg", "prod")}

    assert protected == {"dev": False, "stg": True, "prod": True}


def test_schedules_are_off_where_nobody_looks_at_their_alarms(app_context: dict[str, Any]) -> None:
    on = {stage: load_settings(app_context["tsunagu"], stage).schedules for stage in ("dev", "stg", "prod", "embedded")}

    assert on == {"dev": False, "stg": True, "prod": True, "embedded": False}


def test_embedded_is_dev_with_the_python_and_architecture_of_the_host() -> None:
    settings = load_settings(context(), "embedded", host=Platform(python="3.12", architecture="x86_64"))

    assert settings.name == "embedded"
    assert settings.platform == Platform(python="3.12", architecture="x86_64")
    assert settings.log_retention_days == DEV["log_retention_days"]


@pytest.mark.parametrize(
    ("machine", "architecture"),
    [("x86_64", "x86_64"), ("AMD64", "x86_64"), ("aarch64", "arm64"), ("arm64", "arm64")],
)
def test_embedded_detects_the_host(monkeypatch: pytest.MonkeyPatch, machine: str, architecture: str) -> None:
    monkeypatch.setattr(host_machine, "machine", lambda: machine)

    found = load_settings(context(), "embedded").platform

    assert found.python == f"{sys.version_info.major}.{sys.version_info.minor}"
    assert found.architecture == architecture


def test_fails_when_lambda_has_no_such_machine_as_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_machine, "machine", lambda: "riscv64")

    with pytest.raises(InvalidPropsError) as refusal:
        load_settings(context(), "embedded")

    assert str(refusal.value) == (
        "the processor of this machine must be one of aarch64, amd64, arm64, x86_64, got 'riscv64'"
    )


def test_fails_when_the_stage_is_unknown() -> None:
    assert refusal_of(context(), "uat") == "stage must be one of dev, embedded, prod, got 'uat'"


def test_suggests_the_stage_that_was_meant() -> None:
    assert refusal_of(context(), "porod") == (
        "stage must be one of dev, embedded, prod, got 'porod': did you mean 'prod'?"
    )


@pytest.mark.parametrize("absent", [None, {}, "text", {"stages": None}, {"stages": []}])
def test_fails_when_cdk_json_has_no_stages(absent: object) -> None:
    assert refusal_of(absent) == (
        "the context of cdk.json must have an object tsunagu.stages with one object a stage, got none"
    )


def test_fails_when_embedded_is_set_because_it_is_always_dev() -> None:
    assert refusal_of({"stages": {"dev": DEV, "embedded": DEV}}) == (
        "tsunagu.stages must not have 'embedded', which is dev on this machine, got one"
    )


@pytest.mark.parametrize("name", DEV)
def test_fails_when_a_setting_is_missing(name: str) -> None:
    values = {key: value for key, value in DEV.items() if key != name}

    message = refusal_of({"stages": {"dev": values}})

    assert message.startswith(f"tsunagu.stages.dev.{name} must be set to ")
    assert message.endswith(", got no such setting")


def test_suggests_the_setting_that_was_meant() -> None:
    assert refusal_of(context(log_retention_day=7)) == (
        "tsunagu.stages.dev must have only python, architecture, log_retention_days, protect, byte_code, schedules, "
        "supplier_url, got 'log_retention_day': did you mean 'log_retention_days'?"
    )


@pytest.mark.parametrize(
    ("name", "value", "expectation"),
    [
        ("python", 3.13, "a string, got 3.13"),
        ("architecture", ["arm64"], "a string, got ['arm64']"),
        ("log_retention_days", "7", "a whole number, got '7'"),
        ("log_retention_days", True, "a whole number, got True"),
        ("protect", "yes", "true or false, got 'yes'"),
        ("byte_code", 0, "true or false, got 0"),
        ("schedules", "on", "true or false, got 'on'"),
        ("supplier_url", None, "set to a string, got no such setting"),
        ("python", "2.7", "one of 3.11, 3.12, 3.13, 3.14, got '2.7'"),
        ("architecture", "arm", "one of arm64, x86_64, got 'arm'"),
    ],
)
def test_fails_when_a_setting_is_of_a_wrong_type_or_unsupported(name: str, value: object, expectation: str) -> None:
    assert refusal_of(context(**{name: value})) == f"tsunagu.stages.dev.{name} must be {expectation}"


def test_fails_when_cloudwatch_logs_does_not_offer_the_retention() -> None:
    message = refusal_of(context(log_retention_days=10))

    assert message.startswith("tsunagu.stages.dev.log_retention_days must be one of 1, 3, 5, 7, 14, ")
    assert message.endswith(", got 10")


def test_fails_when_a_stage_is_no_object() -> None:
    assert refusal_of({"stages": {"dev": "arm64"}}) == "tsunagu.stages.dev must be an object, got 'arm64'"
