"""Tests of notices by WhatsApp."""
