"""From decision to effect."""
