"""Rules that send a conversation to a team when it needs a person."""
