"""App configuration of conversations."""

from django.apps import AppConfig

from core import resolvers


class ConversationsConfig(AppConfig):
    """Contacts, conversations, messages and their delivery."""

    name = "conversations"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Declare the look-ups, the web chat transport, the action kind, the gauge, reveals and the receiver."""
        from conversations import (  # noqa: PLC0415  (they register themselves)
            actions,  # noqa: F401
            erasure,  # noqa: F401
            gauges,  # noqa: F401
            receivers,
            reveals,  # noqa: F401
            webchat,  # noqa: F401
        )

        receivers.connect()

        resolvers.register(
            resolvers.Resolver(
                name="widget",
                table="conversations_channelaccount",
                match="public_key",
                columns=(("tenant_id", "uuid"), ("id", "uuid")),
                condition="t.is_active and t.public_key <> ''",
                reads=("is_active",),
            )
        )
        resolvers.register(
            resolvers.Resolver(
                name="channel",
                table="conversations_channelaccount",
                match="lookup_digest",
                columns=(("tenant_id", "uuid"), ("id", "uuid")),
                condition="t.is_active and t.lookup_digest <> ''",
                reads=("is_active",),
            )
        )
