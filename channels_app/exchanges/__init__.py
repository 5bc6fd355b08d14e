"""What is exchanged with providers: a row for each call that is no message, and the log of everything."""
