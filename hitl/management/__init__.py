"""Management commands of the approval engine."""
