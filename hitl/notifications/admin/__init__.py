"""Console pages of notifications."""
