"""Receivers and loads whose numbers are easy to calculate."""

from tsunagu.capacity.receiver import Load, Receiver

STANDARD = Receiver(name="Function", batch_size=10)
FIFO = Receiver(name="Function", batch_size=10, fifo=True)
LOAD = Load(message_ms=98, batch_ms=20)  # a batch of ten takes a second
