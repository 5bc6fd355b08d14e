"""Console pages of templates, and names of languages."""
