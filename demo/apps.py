"""Django's entry to the demo, which is installed only with `WALKER_DEMO`."""

from django.apps import AppConfig


class DemoConfig(AppConfig):
    """The demo's organisations."""

    name = "demo"
