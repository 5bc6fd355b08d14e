"""Stand-ins for outside systems: each its own process with its own store, spoken to over HTTP like the real ones."""
