"""Database back ends."""
