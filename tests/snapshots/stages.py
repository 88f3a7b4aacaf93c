"""Every stage, synthesized once in a run of the tests."""

import functools
import json
from pathlib import Path
from typing import Any

from aws_cdk import App, Stack, cx_api

from cdk_app.app import build_app
from cdk_app.settings import load_settings
from tests.apps import NO_VALIDATION
from tsunagu.cdk import Platform

STAGES = ("dev", "stg", "prod", "embedded")

_PROJECT = Path(__file__).resolve().parents[2]
# Somebody's machine: the embedded stage takes the host's Python and architecture, and snapshots must not.
_HOST = Platform(python="3.11", architecture="x86_64")


def app_of(stage: str, **app_props: Any) -> App:
    """The app of one stage, not synthesized yet."""
    context = json.loads((_PROJECT / "cdk.json").read_text())["context"]
    settings = load_settings(context["tsunagu"], stage, host=_HOST)
    return build_app(settings, **{"context": context, **NO_VALIDATION, **app_props})


def stacks_of(app: App) -> dict[str, Stack]:
    """The stacks of an app by construct id."""
    return {child.node.id: child for child in app.node.children if isinstance(child, Stack)}


@functools.cache
def assembly(stage: str) -> cx_api.CloudAssembly:
    """The cloud assembly of one stage."""
    return app_of(stage).synth()


@functools.cache
def templates(stage: str) -> dict[str, Any]:
    """The templates of one stage by the name of their stack."""
    return {stack.stack_name: stack.template for stack in assembly(stage).stacks}


def template_of(stage: str, stack: str) -> dict[str, Any]:
    """The template of one stack of a stage."""
    template: dict[str, Any] = templates(stage)[f"tsunagu-{stage}-{stack}"]
    return template


def resources_of(template: dict[str, Any], resource_type: str) -> dict[str, Any]:
    """The resources of one type, by logical id."""
    return {name: found for name, found in template["Resources"].items() if found["Type"] == resource_type}
