"""App configuration of the channels."""

from importlib import import_module
from pathlib import Path
from typing import Final

from django.apps import AppConfig

HERE: Final = Path(__file__).parent


class ChannelsAppConfig(AppConfig):
    """Incoming webhooks, WebSocket consumers and outgoing transports."""

    name = "channels_app"
    verbose_name = "Channels"

    def ready(self) -> None:
        """Register the channels, each in the module `channel` of its package, and what looks after all of them."""
        for path in sorted(HERE.rglob("channel.py")):
            import_module(".".join(path.relative_to(HERE.parent).with_suffix("").parts))
        from channels_app import receivers, tasks  # noqa: PLC0415  (models must be loaded first)
        from channels_app.kit import addresses, checks, erasure  # noqa: F401, PLC0415
        from channels_app.kit.phones import fallbacks  # noqa: PLC0415
        from channels_app.sockets import places  # noqa: F401, PLC0415  (it registers)
        from channels_app.webhooks import deliveries, retention  # noqa: F401, PLC0415

        receivers.connect()
        tasks.provide()
        fallbacks.register()
        erasure.register()
        deliveries.register()
