"""Conversations and who answers them: states, queue, clocks, tags."""
