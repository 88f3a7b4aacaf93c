"""The contracts of this app: environment records of its functions, and what its messages hold."""
