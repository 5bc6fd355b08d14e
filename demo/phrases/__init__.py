"""What the built-in model knows of marketing: campaigns, pages, content and audiences."""
