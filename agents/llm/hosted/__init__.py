"""Models of providers that are asked over a network."""
