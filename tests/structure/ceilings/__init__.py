"""Measures of the source, and the sizes that it may have."""
