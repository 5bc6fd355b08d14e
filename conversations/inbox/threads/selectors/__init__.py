"""Read notes and team chat."""
