"""The companies that may ask the sandbox model, and its models."""

import hashlib

COMPANIES = ("acme", "globex")
LIGHT, STRONG, EMBEDDING = "sandbox-small", "sandbox-large", "sandbox-embedding"
MODELS = (LIGHT, STRONG, EMBEDDING)


def api_key(slug: str, secret: str) -> str:
    """Return the key of a company, derived from the secret shared with the installation."""
    return "sk-sandbox-" + hashlib.sha256(f"{secret}:{slug}:model".encode()).hexdigest()[:40]
