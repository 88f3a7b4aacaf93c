"""Scheduled jobs: one run at a time, each under a run number that no other run has."""
