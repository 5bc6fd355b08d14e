"""Tests of calls over connections."""
