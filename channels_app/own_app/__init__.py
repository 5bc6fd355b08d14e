"""A company's own app as a channel: messages in by its door, answers out by signed webhook or socket."""
