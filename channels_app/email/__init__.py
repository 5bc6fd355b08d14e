"""Mail: delivery reports of the provider, and connecting a mail account."""
