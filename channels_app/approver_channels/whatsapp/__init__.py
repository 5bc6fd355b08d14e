"""WhatsApp notices to colleagues: proving their number, and requests that need them."""
