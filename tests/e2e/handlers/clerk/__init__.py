"""Takes a known time for each message."""
