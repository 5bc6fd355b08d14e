"""Models: the port, the built-in one, hosted ones, and routes between them."""
