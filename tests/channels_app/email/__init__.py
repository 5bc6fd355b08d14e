"""The mail account and its door."""
