"""Emails of every kind are read as the standard library reads them, and hostile ones within bounds."""

import time
import tracemalloc
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from channels_app.email.sendgrid import forms
from channels_app.mime import mails, parts, senders
from channels_app.mime.headers import Headers
from channels_app.mime.html_text import to_text
from channels_app.mime.mails import Mail
from channels_app.mime.parts import split

FROM = b"From: Ana <ana@customers.example>\n"
MIXED = FROM + b"Content-Type: multipart/mixed; boundary=x\n\n"
HTML = FROM + b"Content-Type: text/html\n\n"


def read(body: bytes, headers: bytes = b"") -> Mail:
    return mails.read(FROM + headers + b"\n" + body)


@pytest.mark.parametrize("kind", [b"text/plain; charset=utf-8", b"text/html; charset=iso-8859-1"])
def test_control_characters_are_taken_out(kind: bytes) -> None:
    raw = b"Hel\x00lo\x07 \x1b[31mred\x1b[0m\x0bnext\x9d\x81 end"
    assert read(raw, b"Content-Type: " + kind + b"\n").text == "Hello red\nnext end"


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    text=st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"), include_characters="\n"), max_size=200),
    page=st.booleans(),
    files=st.lists(st.tuples(st.binary(max_size=200), st.text("aä ._-", min_size=1, max_size=12)), max_size=3),
    charset=st.sampled_from(["utf-8", "iso-8859-1", "koi8-r"]),
)
def test_mail_that_the_standard_library_writes_is_read_part_by_part(
    text: str, page: bool, files: list[tuple[bytes, str]], charset: str
) -> None:
    made = EmailMessage()
    made["From"] = "ana@customers.example"
    made["Subject"] = "Grüße – " + "".join(one for one in text if one.isalnum())[:40]
    encodable = text.encode(charset, "ignore").decode(charset)
    made.set_content(encodable, charset=charset)
    if page:
        made.add_alternative("<p>Hi</p>", subtype="html")
    for content, name in files:
        made.add_attachment(content, maintype="application", subtype="pdf", filename=name)
    raw = bytes(made)
    theirs = [one for one in message_from_bytes(raw, policy=default).walk() if not one.is_multipart()]
    headers, ours = split(raw)
    assert [one.content() for one in ours] == [one.get_payload(decode=True) for one in theirs]
    assert [one.content_type for one in ours] == [one.get_content_type() for one in theirs]
    assert ours[0].text() == encodable.removesuffix("\n") + "\n"
    assert headers.text("subject").split() == str(made["Subject"]).split()


@pytest.mark.parametrize(
    ("raw", "text", "files"),
    [
        (MIXED + b"--x\n\nhello\n--x\nContent-Type: text/html\n\n<b>you</b>", "hello\n\nyou", 0),
        (MIXED + b"no part at all", "no part at all", 0),
        (FROM + b"Content-Type: multipart/mixed\n\nno boundary", "no boundary", 0),
        (FROM + b"Content-Type: text/plain; charset=martian\n\nGr\xc3\xbc\xc3\x9fe", "Grüße", 0),
        (FROM + b"Content-Type: text/plain; charset=utf-8\n\nGr\xfc\xdfe", "Grüße", 0),
        (FROM + b"Content-Type: text/plain; charset=punycode\n\nGr\xfc-e", "Grü-e", 0),
        (FROM + b"Content-Transfer-Encoding: base64\n\n%%%", "", 0),
        (FROM + b"Content-Transfer-Encoding: base64\n\naGVsbG8", "hello", 0),
        (MIXED + b"--x\nContent-Type: text/plain; name=a.txt\n\nfile\n--x\n\nhello\n--x--\nafter", "hello", 1),
        (MIXED + b"--x\nContent-Type: message/rfc822\n\nSubject: inner\n\ninner\n--x\n\nouter\n--x--", "outer", 1),
        (MIXED + b"--xy\n\nnot mine\n--x\n\nmine\n--x--", "mine", 0),
        (b"\n\nno headers", "no headers", 0),
        (b"", "", 0),
        (b"\0\xff\n" * 10, "", 0),
        (FROM.strip(), "", 0),
    ],
)
def test_malformed_mail_is_read_as_far_as_it_goes(raw: bytes, text: str, files: int) -> None:
    found = mails.read(raw)
    assert (found.text, len(found.files)) == (text, files)


def _nested(depth: int) -> bytes:
    return FROM + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(depth))


def _nested_lookalikes() -> bytes:
    """Return parts whose boundaries all begin the same lines."""
    heads = (b"Content-Type: multipart/mixed; boundary=%s\n\n--%s\n" % (b"b" * n, b"b" * n) for n in range(1, 13))
    return FROM + b"".join(heads) + (b"--" + b"b" * 14 + b"X\n") * 500_000


LOOKALIKES = _nested_lookalikes()


@pytest.mark.timed
@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(MIXED + b"--x\n\nhello\n" * 1_500 + b"--x--", id="1,500 parts"),
        pytest.param(MIXED + b"--x\nContent-Disposition: attachment\n\n\n" * 1_500, id="1,500 files"),
        pytest.param(_nested(2_000), id="2,000 deep"),
        pytest.param(FROM + b"\n" * 10_000_000, id="10 MB of line ends"),
        pytest.param(FROM + b"X: y\n" * 1_000_000 + b"\nhi", id="a million headers"),
        pytest.param(b"Subject: " + b"=?utf-8?q?a?= " * 100_000 + b"\n\nhi", id="a long subject"),
        pytest.param(b"From: " + b"(" * 100_000 + b"\n\nhi", id="nested comments"),
        pytest.param(HTML + b"<!--" * 300_000, id="open comments"),
        pytest.param(HTML + b"<a href=http://x>" * 100_000, id="open links"),
        pytest.param(HTML + b"<blockquote>x" * 100_000, id="open quotes"),
        pytest.param(FROM + b"\n" + (b"on " + b"wrote " * 49 + b":x\n") * 20_000, id="headings of quotes"),
        pytest.param(HTML + b"x</a>" * 100_000, id="ends of links"),
        pytest.param(MIXED + b"--x\nContent-Type: text/html\n\n%s\n" % (b"<b>x" * 125_000) * 20, id="20 pages"),
        pytest.param(LOOKALIKES, id="lines like boundaries, 12 deep"),
        pytest.param(MIXED + b'--x\nContent-Type: text/plain; x="%s\n\nhi\n' % (b";" * 3_900) * 1_000, id="parameters"),
        pytest.param(FROM + (b"To: " + b"@" * 3_990 + b"\n") * 64 + b"\nhi", id="recipients"),
        pytest.param(FROM + b"\n" + b">" * 2_000_000, id="marks of quotes"),
        pytest.param(FROM + b"Content-Type: text/plain; charset=punycode\n\n" + b"ab-" * 300_000, id="punycode"),
    ],
)
def test_hostile_mail_is_read_within_a_second(raw: bytes) -> None:
    began = time.process_time()
    assert mails.read(raw).recipients is not None
    assert time.process_time() - began < 1


@pytest.mark.timed
@pytest.mark.slow
def test_mail_of_10_mb_is_read_within_a_second_and_100_mib() -> None:
    made = EmailMessage()
    made.set_content("Hello")
    made.add_attachment(bytes(range(256)) * 28_500, maintype="application", subtype="pdf", filename="a.pdf")
    raw = bytes(made)
    tracemalloc.start()
    began = time.process_time()
    found = mails.read(raw)
    content = found.parts[1].content()
    seconds, peak = time.process_time() - began, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (len(raw) > 9_800_000, len(content), found.files[0].filename) == (True, 256 * 28_500, "a.pdf")
    assert seconds < 1
    assert peak < 100 * 1024 * 1024


WORDS = [
    b"From",
    b"Subject",
    b"Content-Type",
    b"Content-Disposition",
    b":",
    b";",
    b"=",
    b'"',
    b"\r\n",
    b"\n",
    b"*",
    b"0",
]
WORDS += [
    b"=?utf-8?q?",
    b"=?utf-7?q?",
    b"+2AE-",
    b"?=",
    b"multipart/mixed",
    b"boundary=x",
    b"--x",
    b"name",
    b"filename",
    b"''",
    b"%41",
    b"(",
    b"<",
    b"@",
]


# A name whose charset can say half of a sign, which no other charset can write.
HALF_SIGN = (
    b"--x\nContent-Disposition: form-data; name=text\n\nhi\n--x\n"
    b"Content-Disposition: form-data; name=attachment1; filename=%s\n\nhi\n--x--"
)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(WORDS) | st.binary(max_size=3), max_size=60).map(b"".join))
@example(HALF_SIGN % b'"=?utf-7?q?a+2AE-b?="')
@example(HALF_SIGN % b"\"x\"; filename*=utf-7''a%2B2AE-b")
def test_no_bytes_raise(raw: bytes) -> None:
    mails.read(raw)
    mails.identity_of(raw)
    parts.fields_of(raw, "multipart/form-data; boundary=x")
    forms.email_of(raw, "multipart/form-data; boundary=x")


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<p>One</p><p>Two<br>three</p>", "One\n\nTwo\nthree"),
        ("<script>alert(1)</script><style>p{}</style>Hi", "Hi"),
        ("Hi<img src='https://spy.example/x.png' alt='our logo'>", "Hiour logo"),
        ("<a href='https://shop.example/a'>the shop</a>", "the shop <https://shop.example/a>"),
        ("<a href='javascript:alert(1)'>the shop</a>", "the shop"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ("yes<blockquote>old<br>words</blockquote>", "yes\n> old\n> words"),
        ("&lt;b&gt; &amp; &nbsp; &#x41;", "<b> & A"),
        ("<b", ""),
    ],
)
def test_page_becomes_plain_words(page: str, text: str) -> None:
    assert to_text(page) == text


@pytest.mark.parametrize(
    ("body", "text", "quoted"),
    [
        (
            "yes\n\nOn Mon, 1 Jan 2026 at 10:00, Desk wrote:\n> no?",
            "yes",
            "On Mon, 1 Jan 2026 at 10:00, Desk wrote:\n> no?",
        ),
        ("ja\n\nAm 01.01.26 um 10:00 schrieb Desk\n<desk@acme.example>:\n\nnein?", "ja", "Am 01.01.26"),
        ("oui\n\nLe lun. 1 janv. 2026, Desk a écrit :\n> non ?", "oui", "Le lun."),
        ("sí\n2026-01-01 10:00 Desk <desk@acme.example>:\n> no?", "sí", "2026-01-01"),
        ("yes\n\n-----Original Message-----\nFrom: Desk\nno?", "yes", "-----Original"),
        ("yes\n\n________________________________\nFrom: Desk <d@a.example>\nSent: Monday\nno?", "yes", "______"),
        ("Von: Desk\nGesendet: Montag\nnein?", "Von: Desk\nGesendet: Montag\nnein?", ""),
        ("> no?\n> really?\n\nyes", "yes", "> no?"),
        ("> no?\nyes\n> really?\nyes", "> no?\nyes\n> really?\nyes", ""),
        ("look\n---------- Forwarded message ---------\nFrom: B\nTo: C\n> x", "look\n---------- Forwarded", ""),
        ("On Monday I wrote: nothing", "On Monday I wrote: nothing", ""),
    ],
)
def test_quoted_words_are_split_off_and_kept(body: str, text: str, quoted: str) -> None:
    found = read(body.encode(), b"Content-Type: text/plain; charset=utf-8\n")
    assert found.text.startswith(text)
    assert found.quoted.startswith(quoted)
    assert bool(found.quoted) == bool(quoted)
    assert not quoted or found.text == text


GOOD = "dkim=pass header.d=bank.example"


@pytest.mark.parametrize(
    ("results", "domains", "spf"),
    [
        (f'mx.us; {GOOD} header.b="a;b="', {"bank.example"}, ""),
        ('MX.us 1; DKIM/1 = pass (1024-bit key; (a) "b") header.i=@bank.example; spf=fail', {"bank.example"}, ""),
        ('mx.us; spf=pass (domain of ana@bank.example) smtp.mailfrom="ana b"@bank.example', set(), "bank.example"),
        (f"mx.us; x-google-{GOOD}; dkim=fail header.d=bank.example", set(), ""),
        # What a sender chose: the part before the @, or the name in HELO.
        (f'mx.us; spf=pass smtp.mailfrom="x; {GOOD}; y"@evil.example', set(), "evil.example"),
        ('mx.us; spf=pass smtp.mailfrom="x smtp.mailfrom=@bank.example y"@evil.example', set(), "evil.example"),
        (f'mx.us; spf=pass (domain of "a) {GOOD} ("@evil.example) smtp.mailfrom=@evil.example', set(), "evil.example"),
        (f'mx.us; spf=fail (domain of "a\\"); {GOOD}; x=("@evil.example)', set(), ""),
        ("mx.us; spf=fail (helo=x);dkim=pass(a)header.d=bank.example;x=(b)", set(), ""),
        ("mx.us; spf=pass smtp.mailfrom=a@evil.example smtp.mailfrom=@bank.example", set(), "evil.example"),
        (f"mx.us; {'dkim=fail ' * 400}; {GOOD}.evil.example", set(), ""),
        (f"mx.us.evil.example; {GOOD}", set(), ""),
    ],
)
def test_words_of_a_sender_in_the_results_prove_nothing(results: str, domains: set[str], spf: str) -> None:
    found = senders.proof_of_headers(Headers(f"Authentication-Results: {results}".encode()), "mx.us")
    assert (found.dkim, found.spf) == (domains, spf)


def test_injected_headers_and_path_names_are_words_only() -> None:
    found = read(b"hi", b"Subject: =?utf-8?q?Hi=0D=0ABcc=3A_x=40y.example?=\nX-Own: a\rBcc: b@c.example\n")
    assert found.subject == "Hi Bcc: x@y.example"
    assert found.headers.raw("bcc") == "b@c.example"
    inner = MIXED + b'--x\nContent-Disposition: attachment; filename="..\\\\..\\/etc/pass\\nwd"\n\nx'
    assert "/" not in mails.read(inner).files[0].filename
