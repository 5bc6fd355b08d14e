"""Where documents come from: files and websites, cut into passages."""
