"""Evidence that an auditor takes away and verifies alone."""
