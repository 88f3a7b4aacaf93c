"""Synthesis beside hand-written CDK code, and with nothing changed."""
