"""From request to decision."""
