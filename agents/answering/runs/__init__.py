"""Agent runs: from an incoming message to the answer."""
