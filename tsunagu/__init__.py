"""Asynchronous messaging on AWS that does not lose, double or hide work."""
