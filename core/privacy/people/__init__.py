"""Names and postal addresses of people: what is known of them found in texts, and what looks like one (pure)."""
