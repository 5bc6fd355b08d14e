"""What other apps do with payments that customers confirm."""

from hub.customers import link_customer
from hub.drafts import create_draft
from hub.requests import request_commit

__all__ = ["create_draft", "link_customer", "request_commit"]
