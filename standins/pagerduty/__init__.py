"""A stand-in for PagerDuty's Events API, version 2."""
