"""The state of a request: its transitions, and what they read and write."""
