"""Slack's Web API: a client, its outcomes and its errors in words."""
