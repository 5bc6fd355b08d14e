"""Read emails of strangers within bounds: parts, headers, texts and quotes (pure)."""
