"""WhatsApp and SMS by Twilio: signed webhooks in, the REST API out."""
