"""Compares an API that accepts now and works later with simpler APIs: the time of the answer, and the list price."""
