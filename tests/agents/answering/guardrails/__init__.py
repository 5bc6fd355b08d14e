"""Tests of what may be said, and of how sure an answer is."""
