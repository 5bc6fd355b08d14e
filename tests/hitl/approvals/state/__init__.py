"""Tests of what transitions read and write."""
