"""Read contacts, their addresses, consents and audiences."""
