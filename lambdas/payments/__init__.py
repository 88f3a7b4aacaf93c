"""Receives payments: each is recorded once, and once added to the balance of its account."""
