"""Books deliveries into the stock."""
