"""Twilio: a thin client, and what its error codes mean."""
