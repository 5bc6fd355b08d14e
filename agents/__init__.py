"""Agents: what they can call, how a turn runs, and the models behind it."""
