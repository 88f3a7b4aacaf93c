"""Flows that work alone: each a construct made of building blocks, with the numbers that depend on each other."""
