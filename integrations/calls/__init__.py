"""Calls to outside systems: one runner that limits, repeats, pauses, remembers and records them."""
