"""What an organisation sets for its web chats."""
