"""Read teams, who is there, and what their figures cover."""
