"""Channels: incoming webhooks, WebSocket consumers and outgoing transports."""
