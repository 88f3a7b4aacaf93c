"""Folders and stage that the command uses in the current project."""

from pathlib import Path

STATE_DIRECTORY = Path(".tsunagu")
CLOUD_DIRECTORY = STATE_DIRECTORY / "cloud"
ASSEMBLY_DIRECTORY = STATE_DIRECTORY / "cdk.out"
STAGE = "embedded"
