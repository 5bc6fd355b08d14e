"""The doors: webhooks in, WebSocket consumers, transports out."""
