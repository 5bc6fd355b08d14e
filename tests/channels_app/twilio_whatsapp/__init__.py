"""Tests of WhatsApp by Twilio."""
