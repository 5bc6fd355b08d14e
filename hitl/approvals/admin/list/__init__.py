"""The list of requests: filters, exports and decisions on many at once."""
