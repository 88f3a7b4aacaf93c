"""The embedded cloud: AWS on this machine, to deploy to and drive real messages through; no account, no Docker."""
