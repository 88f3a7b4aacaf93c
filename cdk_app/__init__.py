"""What exists: the constructs, the app that deploys them, and the command that operates it."""
