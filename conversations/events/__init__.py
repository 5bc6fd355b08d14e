"""Events of conversations: their types and streams."""
