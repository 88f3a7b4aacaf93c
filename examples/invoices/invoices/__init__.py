"""Receives invoices and records each once."""
