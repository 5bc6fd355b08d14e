"""The base of the REST API: view sets, filters, pages, errors, throttles, idempotency."""
