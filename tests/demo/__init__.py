"""The demo as a whole, seeded as at a first start."""
