"""Tests of what messages are read as."""
