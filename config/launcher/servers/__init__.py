"""The databases and queues of an installation: embedded ones or given ones, their roles and their services."""
