"""Tests of decisions, and of who may make them."""
