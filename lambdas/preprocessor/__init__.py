"""The preprocessor of a pipeline: gives request ids, keeps payloads, starts and replays runs."""
