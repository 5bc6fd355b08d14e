"""Sandbox Zendesk: a stand-in for the Ticketing API of Zendesk Support."""
