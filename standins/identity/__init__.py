"""Sandbox identity: a stand-in for a company's identity provider (OpenID Connect) and its directory (SCIM 2.0)."""
