"""What runs: contracts, the runtime that handlers share, and one package a function."""
