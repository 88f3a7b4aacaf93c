"""Requests a second through the handler of a web application, beside plain Mangum."""
