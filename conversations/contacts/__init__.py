"""Contact addresses in normal form, and fingerprints of the people in an audience."""
