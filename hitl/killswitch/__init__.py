"""Emergency stop: what is paused, and why."""
