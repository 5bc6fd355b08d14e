"""Tests of what channels of phone numbers share."""
