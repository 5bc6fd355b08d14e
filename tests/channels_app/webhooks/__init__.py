"""Tests of what webhooks share."""
