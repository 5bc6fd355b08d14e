"""Meta Ads against its stand-in: consent, readings, requests, and answers that are lost."""
