"""Django's entry to the demo, which is installed only with `WALKER_DEMO`."""

from django.apps import AppConfig


class DemoConfig(AppConfig):
    """The demo's organisations, and what the built-in model knows of their work."""

    name = "demo"

    def ready(self) -> None:
        """Teach the built-in model the words of marketing, and offer its agents as templates."""
        from agents.llm.built_in import phrases  # noqa: PLC0415  (needs loaded apps)
        from demo import agents  # noqa: PLC0415
        from demo.phrases import messages  # noqa: PLC0415
        from demo.phrases.book import MarketingPhrases  # noqa: PLC0415

        phrases.register(MarketingPhrases())
        messages.add()
        agents.register_templates()
