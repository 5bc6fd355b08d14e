"""Inline styles of a mail by name: mail clients only apply styles on the elements themselves."""

from collections.abc import Mapping
from typing import Final

FONT: Final = "Inter,-apple-system,BlinkMacSystemFont,Segoe UI,Roboto,Helvetica,Arial,sans-serif"
GROUND, SURFACE, SUNKEN = "#f4f4ef", "#ffffff", "#ecece5"
INK, SOFT, QUIET, LINE = "#1a1d1b", "#454b47", "#646b64", "#e2e2da"
ACCENT, ACCENT_SOFT, ON_ACCENT = "#155e4c", "#e6f2ed", "#ffffff"
TONES: Final[Mapping[str, tuple[str, str]]] = {
    # The colours of text and of bars.
    "neutral": (SOFT, "#a3a89f"),
    "accent": (ACCENT, "#2b8a70"),
    "good": ("#156a3a", "#2f9e63"),
    "warn": ("#7a5200", "#d99a1c"),
    "danger": ("#a61b22", "#d0454a"),
}


def _words(size: str, line: str, color: str, weight: int = 400, more: str = "") -> str:
    return f"font-family:{FONT};font-size:{size};line-height:{line};color:{color};font-weight:{weight};margin:0;{more}"


STYLES: Final[Mapping[str, str]] = {
    "ground": f"margin:0;padding:0;background-color:{GROUND};-webkit-text-size-adjust:100%;",
    "hidden": "display:none;max-height:0;overflow:hidden;mso-hide:all;font-size:1px;line-height:1px;opacity:0;",
    "frame": "width:100%;max-width:620px;margin:0 auto;",
    "card": f"background-color:{SURFACE};border:1px solid {LINE};border-radius:14px;border-collapse:separate;",
    "hero": f"background-color:{ACCENT};border:1px solid {ACCENT};border-radius:14px;border-collapse:separate;",
    "brand": _words("17px", "24px", INK, 700, "letter-spacing:-0.3px;"),
    "date": _words("13px", "24px", QUIET, 500, "text-align:right;"),
    "eyebrow": _words("13px", "18px", "#b9d8cc", 600),
    "hello": _words("27px", "33px", ON_ACCENT, 680, "letter-spacing:-0.6px;padding-top:4px;"),
    "lead": _words("16px", "25px", "#e3f1ec", 400, "padding-top:14px;"),
    "h2": _words("17px", "24px", INK, 650, "letter-spacing:-0.2px;"),
    "step": _words("15px", "22px", INK, 500, "padding:7px 0;"),
    "number": _words("13px", "22px", ACCENT, 700, f"background-color:{ACCENT_SOFT};border-radius:11px;"),
    "figure": _words("24px", "30px", INK, 660, "letter-spacing:-0.6px;"),
    "label": _words("13px", "18px", QUIET, 500, "padding-top:2px;"),
    "row": _words("15px", "21px", INK, 580),
    "note": _words("13px", "19px", QUIET, 400, "padding-top:2px;"),
    "value": _words("14px", "21px", SOFT, 620, "text-align:right;white-space:nowrap;padding-left:14px;"),
    "rule": f"border-top:1px solid {LINE};font-size:0;line-height:0;height:1px;",
    "track": f"background-color:{SUNKEN};border-radius:4px;width:100%;",
    "bar": "height:7px;line-height:7px;font-size:0;border-radius:4px;",
    "rest": "height:7px;line-height:7px;font-size:0;",
    "sentence": _words("15px", "23px", SOFT),
    "more": _words("13px", "19px", QUIET, 500, "padding-top:10px;"),
    "button": f"background-color:{ACCENT};border-radius:9px;",
    "press": _words(
        "15px", "20px", ON_ACCENT, 620,
        f"display:inline-block;padding:11px 20px;text-decoration:none;border:1px solid {ACCENT};border-radius:9px;",
    ),
    "second": f"background-color:{SURFACE};border-radius:9px;",
    "press_second": _words(
        "14px", "20px", ACCENT, 600,
        f"display:inline-block;padding:9px 16px;text-decoration:none;border:1px solid {LINE};border-radius:9px;",
    ),
    "act": _words(
        "14px", "20px", ACCENT, 600,
        f"display:inline-block;padding:7px 15px;text-decoration:none;border:1px solid {ACCENT};border-radius:9px;",
    ),
    "link": "color:inherit;text-decoration:none;",
    "foot": _words("13px", "21px", QUIET),
    "foot_link": f"color:{QUIET};text-decoration:underline;",
    **{f"tone_{name}": f"color:{ink};" for name, (ink, _) in TONES.items()},
    **{f"fill_{name}": f"background-color:{fill};" for name, (_, fill) in TONES.items()},
}  # fmt: skip
