"""What was said in the demo: two weeks of talks, this morning's inbox, calls by phone number."""
