"""Every integration test has an AWS account of its own."""

import pytest


@pytest.fixture(autouse=True)
def in_an_account(aws: None) -> None:
    """Let no client of any test reach a real account."""
