"""Analytics: the daily brief."""
