"""What runs in Lambda: a folder for each flow, and the contracts that they share."""
