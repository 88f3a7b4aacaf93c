"""The inventory service of the order pipeline: reserves what is ordered."""
