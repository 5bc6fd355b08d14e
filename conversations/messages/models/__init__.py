"""Tables of messages, their deliveries and files."""
