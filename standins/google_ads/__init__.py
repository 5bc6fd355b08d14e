"""Sandbox Google Ads: a stand-in for the REST API of Google Ads and for the consent to use it."""
