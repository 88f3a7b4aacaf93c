"""The app of this repository: its stages, its stacks and its demo."""
