"""Console pages of requests."""
