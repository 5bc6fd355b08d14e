"""Tests of a run's tools over MCP."""
