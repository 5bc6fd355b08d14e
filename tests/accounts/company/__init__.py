"""Tests of signing in at the company, with an issuer that answers over HTTP."""
