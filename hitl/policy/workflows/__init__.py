"""Workflows: who must approve what."""
