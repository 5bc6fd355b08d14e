"""Ask customers how it was, and keep what they say."""
