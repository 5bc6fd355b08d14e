"""What can be requested: action kinds and their registry."""
