"""Twilio: a thin client, its error codes and its media files."""
