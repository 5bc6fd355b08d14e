"""The sandbox Slack: channels, direct messages, buttons and forms, and signed requests to the product."""
