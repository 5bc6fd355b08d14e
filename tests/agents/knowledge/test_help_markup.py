"""Articles as HTML: what Markdown means is shown, and nothing of an article becomes a tag or a script."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from agents.knowledge.help.markup import show_article

TAGS = {
    *("h2", "h3", "h4", "p", "br", "hr", "strong", "em", "code", "pre", "blockquote", "a", "ul", "ol", "li", "div"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
ATTRIBUTES = {("a", "href"), ("a", "rel"), ("div", "class"), ("div", "tabindex"), ("div", "role"), ("th", "scope"),
              ("h2", "id"), ("ol", "start")}  # fmt: skip
HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "![x](javascript:alert(1))",
    '[x](https://a.example/" onmouseover="alert(1))',
    "[<b onclick=alert(1)>x</b>](https://a.example)",
    "# <svg onload=alert(1)>",
    "`<script>`",
    "```\n</code></pre><script>\n```",
    "```hidden\nx\n```",
    "| <script> | b |\n|---|---|\n| <img src=x> | d |",
    "> <iframe src=//evil.example>",
    "- <style>*{}</style>",
    "[x](https://user:pass@evil.example/)",
    "[x](//evil.example)",
    "[x](vbscript:x)",
    'https://a.example/"><script>',
    "**<b>**",
    "[x](https://a.example/`<script>`)",
    "**[x](javascript:1)**",
    "&lt;script&gt;",
    "<!--",
    "]]>",
    "[a](\x01javascript:alert(1))",
    "[x](java\tscript:alert(1))",
    "<a href='javascript:1'>x</a>",
    "[]()",
    "[words]()",
    "[![map](https://a.example/map.png)]()",
    "![map]()",
    *(sign * 5000 for sign in ("*", "[", "`", "- ", "|")),
]


class Tags(HTMLParser):
    """Collects what a browser would make of some HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.wrong += [] if tag in TAGS else [tag]
        self.wrong += [f"{tag} {name}" for name, _ in attrs if (tag, name) not in ATTRIBUTES]
        self.wrong += [
            v or "" for n, v in attrs if n == "href" and not re.match(r"(https?://|mailto:|tel:)[^@\s]", v or "")
        ]
        if tag not in ("br", "hr"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"/{tag}")

    def handle_comment(self, data: str) -> None:
        self.wrong.append("comment")


def wrong_in(text: str) -> list[str]:
    seen = Tags()
    seen.feed(show_article("Title", text).html)
    seen.close()
    return seen.wrong + seen.open


def test_hostile_articles_become_nothing_but_text() -> None:
    assert {text[:40]: wrong_in(text) for text in HOSTILE if wrong_in(text)} == {}
    assert wrong_in("\n\n".join(HOSTILE)) == []


MARKS = [
    *(
        "*",
        "**",
        "_",
        "`",
        "[",
        "](",
        ")",
        "<b",
        ">",
        "\n",
        "\n\n",
        "- ",
        "1. ",
        "  - ",
        "# ",
        "|",
        "---",
        "> ",
        "&",
        '"',
    ),
    *("javascript:", "https://a.example", "a b", "```\n"),
]


@given(st.lists(st.sampled_from(MARKS), max_size=40))
def test_any_mixture_of_marks_becomes_whole_html(parts: list[str]) -> None:
    assert wrong_in("".join(parts)) == []


def test_picture_in_a_link_is_its_words_and_a_very_long_text_is_shown_as_it_is() -> None:
    shown = show_article("Title", "[![A map](https://a.example/map.png)](https://a.example/)").html
    assert (shown.count("<a "), ">A map</a>" in shown) == (1, True)
    assert show_article("Title", "[its **words**]()").html == "<p>its <strong>words</strong></p>\n"
    long = show_article("Title", "Row *one*.\n" * 5000 + "\n*Two* <b>.")
    assert long.html.endswith("<p>*Two* &lt;b&gt;.</p>\n")
    assert "<em>one</em>" in long.html


def test_markdown_is_shown() -> None:
    text = (
        "# Title\n\nFirst **bold** and *soft*, `code`, [a link](https://a.example/x_(y)) and https://b.example/p.\n\n"
        "# One\n- a\n- b\n  1. c\n  2. d\n- e\n\n## Two\n> said\n\n```\n<x>\n```\n\n---\n\n"
        "| A | B |\n|---|---|\n| 1 |\n\n"
        "First\nsecond  \nthird\n\n3. three\n4. four\n\n![A map](https://a.example/map.png)"
    )
    shown = show_article("Title", text)
    wanted = [
        "<p>First <strong>bold</strong> and <em>soft</em>, <code>code</code>, "
        '<a href="https://a.example/x_(y)" rel="nofollow noopener">a link</a> and '
        '<a href="https://b.example/p" rel="nofollow noopener">https://b.example/p</a>.</p>',
        '<h2 id="s1">One</h2>',
        "<ul><li>a</li><li>b<ol><li>c</li><li>d</li></ol></li><li>e</li></ul>",
        "<h3>Two</h3>",
        "<blockquote><p>said</p></blockquote>",
        "<pre><code>&lt;x&gt;</code></pre>",
        "<hr>",
        "<tr><td>1</td><td></td></tr>",
        "<p>First second<br>third</p>",
        '<ol start="3"><li>three</li><li>four</li></ol>',
        '<a href="https://a.example/map.png" rel="nofollow noopener">A map</a>',
    ]
    html = re.sub(r">\n+|\n+(?=<)", lambda found: found[0].strip(), shown.html).replace("\n", " ")
    assert [each for each in wanted if each not in html] == []
    assert "Title" not in shown.html
    assert [section.words for section in shown.sections] == ["One"]
