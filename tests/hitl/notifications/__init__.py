"""Tests of who is notified, and when."""
