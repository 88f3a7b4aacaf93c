"""The handler packages of this app, one for each function, and the contracts that they share."""
