"""Tests of approve-by-email links."""
