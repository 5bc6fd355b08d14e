"""Schema of the approval engine."""
