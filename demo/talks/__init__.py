"""What was said in the demo: a month of talks, this morning's inbox, calls by phone number."""
