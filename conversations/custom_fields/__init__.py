"""Custom fields: what an organisation wants to know of contacts and conversations, and what is known."""
