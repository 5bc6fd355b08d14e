"""Tests of flows as an agent's head."""
