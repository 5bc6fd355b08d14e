"""Read conversations: lists, counts, search, times of first answers."""
