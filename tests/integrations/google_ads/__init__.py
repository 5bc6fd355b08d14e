"""Google Ads against its stand-in."""
