"""The approval's list and page."""
