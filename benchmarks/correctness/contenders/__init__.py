"""Handlers that ours is compared with: written as their documentation shows, with the same effect and time-outs."""
