"""What Slack accepts as the blocks of a message or a form; anything else is `invalid_blocks`."""

from typing import Any

MOST_BLOCKS = 50
MOST_ELEMENTS = 25
TEXTS = {"header": 150, "section": 3000, "button": 75}
VALUE = 2000
METADATA = 3000


class InvalidBlocks(Exception):
    """The blocks that Slack would refuse."""


def check(blocks: Any) -> list[dict[str, Any]]:
    """Return the blocks. Raises InvalidBlocks."""
    if not isinstance(blocks, list) or len(blocks) > MOST_BLOCKS:
        raise InvalidBlocks
    for block in blocks:
        match block:
            case {"type": "header", "text": {"type": "plain_text", "text": str(text)}}:
                _check_text(text, TEXTS["header"])
            case {"type": "section", "text": {"type": "plain_text" | "mrkdwn", "text": str(text)}}:
                _check_text(text, TEXTS["section"])
            case {"type": "context", "elements": [*elements]}:
                for element in elements:
                    _check_text(element.get("text"), TEXTS["section"])
            case {"type": "actions", "elements": [*elements]} if 0 < len(elements) <= MOST_ELEMENTS:
                for element in elements:
                    _check_button(element)
            case {"type": "input", "label": {"text": str(text)}, "element": {"action_id": str()}}:
                _check_text(text, 2000)
            case {"type": "divider"}:
                pass
            case _:
                raise InvalidBlocks
    ids = [element["action_id"] for block in blocks for element in block.get("elements", []) if "action_id" in element]
    if len(ids) != len(set(ids)):
        raise InvalidBlocks
    return blocks


def check_form(view: Any) -> dict[str, Any]:
    """Return a form. Raises InvalidBlocks."""
    if not isinstance(view, dict) or view.get("type") != "modal":
        raise InvalidBlocks
    for name in ("title", "submit", "close"):
        _check_text((view.get(name) or {}).get("text"), 24)
    if len(str(view.get("private_metadata", ""))) > METADATA or not view.get("callback_id"):
        raise InvalidBlocks
    check(view.get("blocks"))
    return view


def _check_text(text: Any, limit: int) -> None:
    if not isinstance(text, str) or not 0 < len(text) <= limit:
        raise InvalidBlocks


def _check_button(element: Any) -> None:
    if not isinstance(element, dict) or element.get("type") != "button" or not element.get("action_id"):
        raise InvalidBlocks
    _check_text((element.get("text") or {}).get("text"), TEXTS["button"])
    if len(str(element.get("value", ""))) > VALUE or element.get("style") not in (None, "primary", "danger"):
        raise InvalidBlocks
    confirm = element.get("confirm")
    if confirm:
        for name, limit in (("title", 100), ("text", 300), ("confirm", 30), ("deny", 30)):
            _check_text((confirm.get(name) or {}).get("text"), limit)
