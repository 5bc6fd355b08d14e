"""Console pages of conversations: list, page, actions, search, dashboard."""
