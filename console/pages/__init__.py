"""Console pages of core and accounts."""
