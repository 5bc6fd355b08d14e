"""Langflow: run a flow, hear its words as they come, read its definition, erase a session."""
