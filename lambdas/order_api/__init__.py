"""Serves orders over HTTP, and consumes messages about them, with one service behind both."""
