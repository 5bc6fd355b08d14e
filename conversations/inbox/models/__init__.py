"""Tables of conversations and their tags."""
