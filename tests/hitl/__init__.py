"""Tests of the approval engine."""
