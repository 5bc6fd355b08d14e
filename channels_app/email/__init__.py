"""Mail: the door for what the provider says became of it, and connecting a mail account."""
