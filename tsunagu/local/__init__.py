"""The embedded cloud: an emulator of AWS on this machine. It needs no AWS account and no Docker."""
