"""Messages that a business function sends, and the queues and topics that take them."""
