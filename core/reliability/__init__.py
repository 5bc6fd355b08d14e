"""Circuit breakers, idempotency keys and rate limits."""
