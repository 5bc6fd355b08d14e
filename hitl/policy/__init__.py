"""Policies: who must approve what, within which limits."""
