"""List prices, and what the resources of a template cost a month."""
