"""A desk whose orders work, fail or kill, as they say themselves."""
