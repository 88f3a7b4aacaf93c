"""How many messages a second a receiver drains, and what throttles it first."""
