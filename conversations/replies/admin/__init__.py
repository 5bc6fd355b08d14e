"""Console pages of what colleagues answer with."""
