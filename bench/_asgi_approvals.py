"""The product's ASGI application, which also knows the benchmark's kind of action."""

from config.asgi import application

from bench._effect import CauseEffect  # isort: skip  (needs the apps, which config.asgi loads)
from hitl.actions import registry  # isort: skip

registry.register(CauseEffect)

__all__ = ["application"]
