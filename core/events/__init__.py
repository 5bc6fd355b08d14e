"""Event streams, the outbox and their relay."""
