"""A web application and a queue in one function: consumers of messages, and routes whose requests take effect once."""
