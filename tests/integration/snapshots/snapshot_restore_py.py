"""Stands for the module of this name in Lambda's Pythons: it keeps what is to run, and `sandbox.py` runs it."""

from collections.abc import Callable
from typing import Any

before: list[Callable[..., Any]] = []
after: list[Callable[..., Any]] = []


def register_before_snapshot(function: Callable[..., Any]) -> Callable[..., Any]:
    before.append(function)
    return function


def register_after_restore(function: Callable[..., Any]) -> Callable[..., Any]:
    after.append(function)
    return function
