"""App configuration of integrations."""

from django.apps import AppConfig


class IntegrationsConfig(AppConfig):
    """Provider accounts and the action kinds of the outside platforms."""

    name = "integrations"

    def ready(self) -> None:
        """Offer the action kinds to the approval engine."""
        from hitl import registry  # noqa: PLC0415 - models must be loaded first
        from integrations.sandbox_ads import actions  # noqa: PLC0415

        for kind in actions.KINDS:
            registry.register(kind)
