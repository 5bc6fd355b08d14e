"""Pages of figures and their charts."""
