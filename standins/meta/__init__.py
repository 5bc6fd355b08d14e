"""Sandbox Meta: a stand-in for the WhatsApp Cloud API and for the people who write to it."""
