"""Tests of conversations: states, lists, clocks, tags."""
