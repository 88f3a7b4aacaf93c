"""Receives payments: records each payment once, and adds it to the balance of its account once."""
