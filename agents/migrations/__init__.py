"""Schema of agents."""
