"""Mail services and servers that take our mails."""
