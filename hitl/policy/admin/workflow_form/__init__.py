"""The form of a workflow."""
