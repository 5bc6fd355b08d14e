"""Langflow flows as heads of agents: the connection, the sessions, and the turn."""
