"""Changed rules, tried on past requests; writes nothing but the simulation itself."""
