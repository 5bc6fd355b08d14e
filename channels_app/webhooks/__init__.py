"""Webhooks: intake, storage and processing of deliveries."""
