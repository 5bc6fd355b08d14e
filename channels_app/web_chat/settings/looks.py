"""How a chat looks and what it offers: theme, colour, position, logo, greetings, files and the names of people."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from conversations.models import ChannelAccount
from conversations.services import accounts
from conversations.services.visitors import MB, FileRules, Upload, checked_files
from core.actors import Actor
from core.errors import Invalid, NotFound
from core.files.kinds import PREVIEWED
from core.files.pictures import draw_preview
from core.text.colours import NIGHT, WHITE, checked_colour, readable, words_on
from core.text.speech import SPOKEN

CHANGE: Final = "channels_app.change_channelaccount"
THEMES: Final = ("device", "site", "light", "dark")
POSITIONS: Final = ("right", "left")
LOGO_SIDE: Final = 96
LOGOS: Final = FileRules(dict.fromkeys(PREVIEWED, 2 * MB), most=1)
GREETING_LIMIT: Final = 200
LANGUAGES: Final = SPOKEN[1:]
"""Languages with a greeting of their own; the channel's greeting is for all others."""


@dataclass(frozen=True, slots=True)
class Look:
    """The look of one chat, as it is kept."""

    theme: str = "device"
    colour: str = ""
    position: str = "right"
    logo: str = field(default="", repr=False)
    """A small picture that we drew, as Base64."""

    @property
    def logo_stamp(self) -> str:
        """Return what changes with the logo; "" without one."""
        return hashlib.sha256(self.logo.encode()).hexdigest()[:16] if self.logo else ""

    def public(self, logo_url: str) -> dict[str, str]:
        """Return what every page of the website may know: names of CSS values, and the logo's address."""
        found = {"theme": self.theme, "position": self.position}
        if self.colour:
            dark = readable(self.colour, NIGHT)
            found |= {"accent": self.colour, "on_accent": WHITE}
            found |= {"accent_dark": dark, "on_accent_dark": words_on(dark)}
        return found | ({"logo": f"{logo_url}?v={self.logo_stamp}"} if self.logo else {})


def read_look(kept: Mapping[str, Any]) -> Look:
    """Return the look that an account keeps."""
    found: Mapping[str, str] = kept.get("look", {})
    return Look(**{name: str(found[name]) for name in ("theme", "colour", "position", "logo") if name in found})


def save_look(
    *,
    actor: Actor,
    account_id: UUID,
    theme: str,
    position: str,
    colour: str = "",
    logo: Any = None,
    removes_logo: bool = False,
    **offers: Any,
) -> ChannelAccount:
    """Save the look of a web chat, and what it offers: `shows_people`, `takes_files`, `greeting` and `greeting_<code>`.

    A logo is redrawn, so that nothing but pixels is kept. Needs `channels_app.change_channelaccount`; raises
    `NotFound`, and `Invalid` with the fields for a colour that can't be read and a logo that isn't a picture.
    """
    actor.require(CHANGE)
    if theme not in THEMES or position not in POSITIONS:
        raise Invalid("This look isn't supported.", fields={"theme": ["Choose one from the list."]})
    try:
        look = {"theme": theme, "position": position, "colour": checked_colour(colour)}
    except ValueError as problem:
        words = str(problem)
        raise Invalid(words, code="not_readable", fields={"colour": [words]}) from None
    drawn = "" if logo is None else drawn_logo(logo)
    greetings = {code: str(offers.get(f"greeting_{code}", "")).strip()[:GREETING_LIMIT] for code in LANGUAGES}
    values: dict[str, Any] = {
        "greeting": str(offers.get("greeting", "")).strip()[:GREETING_LIMIT],
        "greetings": {code: text for code, text in greetings.items() if text},
        "shows_people": bool(offers.get("shows_people")),
        "takes_files": bool(offers.get("takes_files")),
    }
    return accounts.keep_look(
        actor=actor, account_id=account_id, look=look, logo="" if removes_logo else drawn or None, values=values
    )


def drawn_logo(logo: Any) -> str:
    """Return a small picture drawn from an uploaded file, as Base64. Raises `Invalid` for what isn't a picture."""
    try:
        if (logo.size or 0) > 2 * MB:
            raise Invalid("The logo is too large: at most 2 MB.", code="too_large")
        (checked,) = checked_files([Upload(logo.name or "", logo.read())], LOGOS)
        drawn = draw_preview(checked.content, checked.found.content_type, side=LOGO_SIDE)
    except NotFound:
        words = "This picture can't be drawn. Save it again as PNG or JPEG."
        raise Invalid(words, code="damaged", fields={"logo": [words]}) from None
    except Invalid as problem:
        raise Invalid(problem.detail, code=problem.code, fields={"logo": [problem.detail]}) from None
    return base64.b64encode(drawn).decode()
