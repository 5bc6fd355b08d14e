"""Console pages of contacts, their consents and how they can be reached."""
