"""Tests of how agents are made, checked and tried."""
