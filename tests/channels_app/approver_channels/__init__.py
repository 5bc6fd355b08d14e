"""Tests of channels that carry approvals."""
