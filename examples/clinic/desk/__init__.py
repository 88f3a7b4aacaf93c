"""The handlers of the clinic, one module each."""
