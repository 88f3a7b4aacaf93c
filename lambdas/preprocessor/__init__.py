"""The preprocessor of the order pipeline: assigns request ids, stores payloads, starts and replays runs."""
