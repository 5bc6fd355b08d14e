"""Tests of seals and MACs."""
