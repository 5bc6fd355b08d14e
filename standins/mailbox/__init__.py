"""Sandbox mailbox: a stand-in for SendGrid and for the people who read their mail."""
