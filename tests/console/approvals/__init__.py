"""Pages of requests: the queue, a decision, what became of it."""
