"""Building blocks: one AWS resource, or one role that several play together, with safe defaults."""
