"""`make dev`: the order service on this machine, with reload, its tables and its queue on an embedded cloud."""
