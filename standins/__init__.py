"""Stand-ins for outside systems: separate processes with their own stores, called over HTTP."""
