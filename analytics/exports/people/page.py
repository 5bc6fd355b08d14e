"""The page of a person's archive: what `person.json` says, to read and to print. It has no script and loads nothing."""

import json
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final

from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString

from analytics.exports.writers import plain

HEAD: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="referrer" content="no-referrer">
<title>What we hold about you</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.5rem; }
dl { margin: 0; padding: .5rem 0; border-top: 1px solid #ccc; break-inside: avoid; }
dl div { display: flex; gap: 1rem; }
dt { flex: 0 0 11rem; color: #555; }
dd { margin: 0; min-width: 0; white-space: pre-wrap; overflow-wrap: anywhere; }
.note { color: #555; }
@media print { body { max-width: none; margin: 0; } }
</style>
</head>
<body>
"""
CLOSING: Final = "</main>\n</body>\n</html>\n"


def opening(head: Mapping[str, Any]) -> str:
    """Return the beginning of the page: who holds the data, where it came from and went to, and what is left out."""
    left_out = [f"{each['table']}, {', '.join(each['columns'])}: {each['why']}" for each in head["left_out"]]
    partners = {name: [f"{each['name']}: {each['what']}" for each in head[name]] for name in ("sources", "recipients")}
    return HEAD + format_html(
        "<main>\n<h1>What {} holds about you</h1>\n<p>As of {}. Other people's data is masked (•••). The same is in "
        "<code>person.json</code>, for programs.</p>\n"
        "<h2>Where it came from</h2>\n{}<h2>Who got some of it</h2>\n{}<h2>What is left out</h2>\n{}",
        head["organisation"],
        plain(head["made_at"]),
        _list_of(["You yourself", *partners["sources"]]),
        _list_of(partners["recipients"] or ["Nobody outside the organisation"]),
        _list_of(left_out),
    )


def heading(section: Mapping[str, Any]) -> str:
    """Return what stands above the rows of a table: what they are, what for, and for how long."""
    return format_html(
        '<h2>{}</h2>\n<p class="note">What for: {}<br>For how long: {}</p>\n',
        section["title"], section["purpose"], section["kept"],
    )  # fmt: skip


def entry(values: Mapping[str, Any]) -> str:
    """Return one row."""

    def shown(name: str, value: Any) -> SafeString:
        if name == "file":
            return format_html('<a href="{}">{}</a>', value, value)
        if isinstance(value, bool):
            return escape("yes" if value else "no")
        if isinstance(value, Mapping | list | tuple):
            return escape(json.dumps(value, indent=1, ensure_ascii=False, default=str))
        return escape(plain(value) if isinstance(value, date) else value)

    pairs = ((name.replace("_", " ").replace(".", " "), shown(name, value)) for name, value in values.items())
    return format_html("<dl>{}</dl>\n", format_html_join("", "<div><dt>{}</dt><dd dir=auto>{}</dd></div>", pairs))


def _list_of(lines: Iterable[str]) -> SafeString:
    return format_html("<ul>{}</ul>\n", format_html_join("", "<li>{}</li>", ((line,) for line in lines)))
