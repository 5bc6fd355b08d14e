"""Clean and compare texts."""
