"""Leases, keys of requests, circuit breakers, kept values."""
