"""Finds everything that is recorded of one request, message, key, execution or job, and says what it means."""
