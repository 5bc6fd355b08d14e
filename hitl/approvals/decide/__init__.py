"""Decide requests, and everything people do around a decision."""
