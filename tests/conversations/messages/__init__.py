"""Tests of messages in and out, their delivery and files."""
