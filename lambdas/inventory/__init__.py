"""The inventory service of the order pipeline: reserves the articles of an order."""
