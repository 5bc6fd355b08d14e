"""Settings of the UI kit; colours, sidebar and scripts are our own."""

from typing import Any

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Walker",
    "SITE_HEADER": "Walker",
    "SITE_URL": None,
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "COMMAND": {"search_models": False, "show_history": False},
    "SIDEBAR": {"show_search": False, "command_search": False, "navigation": []},
}
