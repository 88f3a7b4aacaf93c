"""Makes Lambda handlers of plain functions: decorators, and the objects that they need."""
