"""The `tsunagu` command, one verb a file. It never imports aws_cdk, which would start a Node process."""

from tsunagu.cli.command import main

__all__ = ["main"]
