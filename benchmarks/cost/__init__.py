"""What a million messages, requests and ticks cost at list prices, beside the plain design of the same flow."""
