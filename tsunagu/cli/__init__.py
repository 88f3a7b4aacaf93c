"""The `tsunagu` command, one verb a file. It never imports aws_cdk, because that starts a Node process."""

from tsunagu.cli.command import main

__all__ = ["main"]
