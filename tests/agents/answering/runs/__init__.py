"""Tests of runs: how they start, are joined, stopped and reported."""
