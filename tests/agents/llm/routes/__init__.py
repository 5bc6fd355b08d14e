"""Tests of routes to models, and of what they cost."""
