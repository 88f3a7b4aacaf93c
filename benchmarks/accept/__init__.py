"""Compares the time of the answer of an API that accepts now and works later with that of a synchronous one."""
