"""Emails from a mailbox, read by IMAP."""
