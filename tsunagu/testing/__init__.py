"""Fakes of the runtime's ports, and the explorer of interleavings. For tests alone, and not public yet."""
