"""Tests of the organisation itself: its settings, its tier, and what it uses."""
