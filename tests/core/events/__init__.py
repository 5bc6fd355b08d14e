"""Announcements, streams and live hints."""
