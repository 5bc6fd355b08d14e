"""The kind of risky action that writes to an audience."""
