"""Tests of what happens from the decision to the effect."""
