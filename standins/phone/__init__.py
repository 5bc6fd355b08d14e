"""Sandbox phone: a stand-in for Twilio and for the people who write by WhatsApp."""
