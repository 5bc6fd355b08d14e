"""Two contacts that are the same person: merge them, and undo it."""
