"""How the console shows messages and what they mean."""
