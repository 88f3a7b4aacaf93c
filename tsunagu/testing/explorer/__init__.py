"""Runs real code on a virtual clock, in every interleaving of its calls, with faults at each of them."""
