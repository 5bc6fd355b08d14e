"""Tests of the audit log on its way to a security system."""
