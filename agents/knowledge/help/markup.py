"""Show an article's Markdown as HTML in which no tag is the article's own (pure).

HTML that an article contains is shown as text. Links lead to the web, a mailbox or a telephone; pictures become links,
because the page loads nothing from elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Any, Final
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

SHOWN_DEEPEST: Final = 4
MOST_MARKED: Final = 50_000
"""From so many characters on an article is shown as it is written: a marked text can take its square in time."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A section of an article, with the id of its heading."""

    id: str
    words: str


@dataclass(frozen=True, slots=True)
class Shown:
    """An article as HTML, with its main sections in order."""

    html: str
    sections: tuple[Heading, ...]


def show_article(title: str, text: str) -> Shown:
    """Return an article's Markdown as safe HTML: headings begin at the second level, below the title."""
    marked, rest = text.replace("\0", ""), ""
    if len(marked) > MOST_MARKED:
        end = marked.rfind("\n", 0, MOST_MARKED) + 1 or MOST_MARKED
        marked, rest = marked[:end], marked[end:]
    tokens = _MARKDOWN.parse(marked)
    if tokens and tokens[0].type == "heading_open" and _plain(tokens[1].content) == _plain(title):
        del tokens[:3]
    sections = _number_headings(tokens)
    html = _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})
    return Shown(html + "".join(f"<p>{escape(part)}</p>\n" for part in rest.split("\n\n") if part.strip()), sections)


def is_link(address: str) -> bool:
    """Return True for an address that a link may lead to: the web without a sign-in, a mailbox, a telephone."""
    try:
        parts = urlsplit(address)
        is_web = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        return False
    return is_web or (parts.scheme in ("mailto", "tel") and bool(parts.path))


def _number_headings(tokens: Sequence[Token]) -> tuple[Heading, ...]:
    """Put the headings below the page's own, and give those at the top an id."""
    opened = [(token, words) for token, words in pairwise(tokens) if token.type == "heading_open"]
    levels = sorted({token.tag for token, _ in opened})
    tags = {tag: f"h{min(place + 2, SHOWN_DEEPEST)}" for place, tag in enumerate(levels)}
    sections: list[Heading] = []
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = tags[token.tag]
    for token, words in opened:
        if token.tag == "h2":
            sections.append(Heading(f"s{len(sections) + 1}", _words_of(words)))
            token.attrSet("id", sections[-1].id)
    return tuple(sections)


def _words_of(token: Token) -> str:
    """Return the words of a line without its marks."""
    return "".join(child.content for child in token.children or () if child.type in ("text", "code_inline"))


def _plain(text: str) -> str:
    return text.casefold().strip(" .#")


class _Renderer(RendererHTML):
    """Adds to Markdown's tags what the pages need."""

    def link_open(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        env["link"] = bool(tokens[idx].attrs["href"])  # a picture in it is no link of its own
        tokens[idx].attrSet("rel", "nofollow noopener")
        # A link without an address, "[words]()", is its words.
        return self.renderToken(tokens, idx, options, env) if env["link"] else ""

    def image(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        address, words = escape(str(tokens[idx].attrs["src"])), escape(tokens[idx].content)
        if env.get("link") or not address:
            return words
        return f'<a href="{address}" rel="nofollow noopener">{words or address}</a>'

    def link_close(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        opened, env["link"] = env["link"], False
        return "</a>" if opened else ""

    def fence(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        # Without the language, which would be a class: no page here colours code.
        return self.code_block(tokens, idx, options, env)

    def table_open(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        # A table that is wider than a phone is scrolled by itself, by keyboard too.
        return '<div class="scroll" tabindex="0" role="group"><table>\n'

    def table_close(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        return "</table></div>\n"

    def th_open(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        return '<th scope="col">'

    def td_open(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        return "<td>"


def _markdown() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": False, "linkify": True, "xhtmlOut": False}, renderer_cls=_Renderer)
    made.enable(["table", "linkify"])
    assert made.linkify is not None  # noqa: S101  (for the type checker)
    made.linkify.set({"fuzzy_link": False, "fuzzy_ip": False})
    made.validateLink = is_link  # type: ignore[method-assign, assignment]
    return made


_MARKDOWN: Final = _markdown()
