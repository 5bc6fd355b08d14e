"""What colleagues write to each other: notes on a conversation, the chat of a team."""
