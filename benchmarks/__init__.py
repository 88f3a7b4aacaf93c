"""Benchmarks: each runs ours and what it is compared with side by side, and prints ratios. None asserts on time."""
