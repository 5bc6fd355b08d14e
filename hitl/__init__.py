"""Risky actions: propose, assess, approve by people, execute at most once."""
