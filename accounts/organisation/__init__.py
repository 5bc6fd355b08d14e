"""The organisation itself: its settings, its tier, and what it uses of it."""
