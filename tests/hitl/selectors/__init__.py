"""Tests of reading approvals."""
