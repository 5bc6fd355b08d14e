"""Stand-ins for outside systems: own processes with own stores, spoken to over HTTP."""
