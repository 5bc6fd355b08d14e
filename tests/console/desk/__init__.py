"""Pages of conversations and channels."""
