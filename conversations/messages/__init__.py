"""Messages in and out: receive, send, deliver, their files and what they mean."""
