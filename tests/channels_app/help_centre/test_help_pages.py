"""The help centre's pages: what they show, what they never show, and how they are asked for."""

from __future__ import annotations

import re
from datetime import timedelta
from xml.etree import ElementTree

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from agents.knowledge import services
from agents.knowledge.help import votes
from agents.knowledge.help.centres import save_help_centre
from agents.knowledge.help.models import HelpCentre, HelpVote
from agents.knowledge.help.votes import count_votes, prune_votes
from agents.models import Citation, DocumentVersion
from channels_app.help_centre import door
from conversations.models import ChannelAccount, Contact, Conversation, Message
from core.clock import now
from core.errors import Invalid, NotFound, Refused
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from tests.channels_app.conftest import make_widget
from tests.channels_app.help_centre.conftest import Centre, hide
from tests.console.conftest import Browser, browser  # noqa: F401
from tests.world import OPERATOR

pytestmark = pytest.mark.django_db


def pages(centre: Centre, hidden: dict[str, object]) -> dict[str, str]:
    """Return the bodies of all pages, by what was asked for; and of all addresses that hidden articles would have."""
    rest = ["", "sitemap.xml", "feed.xml", "de/", "fr/", f"en/topics/{centre.public.pk}/"]
    seen = {each: centre.get(each).content.decode() for each in rest}
    for address in re.findall(
        rf"<loc>{re.escape(settings.PUBLIC_URL)}{re.escape(centre.path)}([^<]+)", seen["sitemap.xml"]
    ):
        seen[address] = centre.get(address).content.decode()
    for name, row in hidden.items():
        for other in (f"articles/{row.pk}/canary-qa{name}/", f"en/topics/{row.collection_id}/"):  # type: ignore[attr-defined]
            seen[other] = centre.get(other).content.decode()
        # The page repeats what was asked, so each word is asked for alone and the other one looked for.
        for word in (f"qa{name}", f"qz{name}"):
            answer = centre.search(word, address=f"198.51.100.{len(seen)}")
            seen[f"search for {word[:2]} of {name}"] = answer.content.decode().replace(word, "")
    seen["search for all"] = centre.search("canary stands here").content.decode()
    assert "Too many requests" not in "".join(seen.values())
    return seen


@pytest.mark.slow
def test_nothing_but_valid_articles_of_public_collections_of_this_organisation_is_on_any_page(centre: Centre) -> None:
    hidden = hide(centre)
    seen = pages(centre, hidden)
    leaks = sorted({(where, word) for where, body in seen.items() for word in re.findall(r"q[az][a-z]+", body)})
    assert leaks == []
    ids = sorted((where, name) for where, body in seen.items() for name, row in hidden.items() if str(row.pk) in body)
    assert ids == []
    opened = [
        name for name, row in hidden.items() if centre.get(f"articles/{row.pk}/canary-qa{name}/").status_code != 404
    ]
    opened += [name for name, row in hidden.items() if row.collection_id != centre.public.pk
               and centre.get(f"en/topics/{row.collection_id}/").status_code != 404]  # fmt: skip
    voted = [
        name for name, row in hidden.items()
        if centre.client.post(f"{centre.path}votes/{row.pk}/", {"helpful": "yes"}).status_code != 404
    ]  # fmt: skip
    assert (opened, voted) == ([], [])
    # The other way round: what may be shown is shown on each of them.
    for where in ("", "sitemap.xml", "feed.xml", f"en/topics/{centre.public.pk}/"):
        assert "eturning" in seen[where], where
    assert "Returning shoes" in centre.search("return shoes").content.decode()


def test_pages_say_what_they_are_in_their_language_and_link_to_each_other(centre: Centre) -> None:
    first = centre.get().content.decode()
    assert "<h1>Acme help</h1>" in first
    assert "Answers to what people ask most." in first
    assert "Delivery and returns" in first
    assert f'href="{settings.PUBLIC_URL}{centre.path}"' in first
    assert 'hreflang="de"' in first
    assert "Deutsch" in first
    german = centre.get("de/").content.decode()
    assert '<html lang="de">' in german
    assert "Rückgabe" in german
    assert "Returning shoes" not in german
    assert centre.get("en/").status_code == 301
    assert centre.get("it/").status_code == 404
    assert centre.get("%00/").status_code == 404
    (path,) = re.findall(rf'href="{re.escape(centre.path)}(articles/[^"]+/returning-shoes/)"', first)
    body = centre.get(path).content.decode()
    wanted = [
        "<h1>Returning shoes</h1>", "<strong>30 days</strong>", "<em>unworn</em>", "How to return</h2>",
        "<li>Print the label.</li>",
        '<th scope="col">Country</th>', '<a href="https://shop.example/rules" rel="nofollow noopener">our rules</a>',
        f'<link rel="canonical" href="{settings.PUBLIC_URL}{centre.path}{path}">', "Was this helpful?", "<walker-chat",
        f'href="/chat/{centre.account.public_key}/"',
    ]  # fmt: skip
    assert [each for each in wanted if each not in body] == []
    moved = centre.get(path.replace("returning-shoes", "old-title"))
    assert (moved.status_code, moved["Location"]) == (301, centre.path + path)
    missing = centre.get(f"articles/{centre.public.pk}/x/")
    assert missing.status_code == 404
    assert "This page isn’t here" in missing.content.decode()
    assert "No" not in missing["Cache-Control"]
    nothing = centre.search("zeppelin").content.decode()
    assert "Nothing found for" in nothing
    assert "Ask us in the chat" in nothing
    assert 'content="noindex"' in nothing
    assert [root.tag.rpartition("}")[2] for root in map(_xml, (centre.get("sitemap.xml"), centre.get("feed.xml")))] == [
        "urlset",
        "feed",
    ]


def _xml(answer: object) -> ElementTree.Element:
    return ElementTree.fromstring(answer.content)  # type: ignore[attr-defined]  # noqa: S314  (our own)


@pytest.mark.slow
def test_page_is_asked_for_again_by_its_digest_and_changes_with_its_article(centre: Centre) -> None:
    wrong = []
    row = centre.write("Opening hours", "We open at ten.")
    for rest in ("", f"articles/{row.pk}/opening-hours/", "sitemap.xml", "feed.xml", f"en/topics/{centre.public.pk}/"):
        answer = centre.get(rest)
        again = centre.get(rest, headers={"if-none-match": answer["ETag"]})
        if (again.status_code, again.content, answer["Cache-Control"]) != (304, b"", "public, no-cache"):
            wrong.append(rest)
    assert wrong == []
    known = centre.get()["ETag"]
    with tenant_scope(centre.world.acme.pk):
        services.change_article(actor=centre.world.actor("owner"), document_id=row.pk, title="When we open")
    changed = centre.get(headers={"if-none-match": known})
    assert changed.status_code == 200
    assert "When we open" in changed.content.decode()


@pytest.mark.slow
def test_help_centre_is_closed_until_it_is_published_and_with_its_channel(centre: Centre) -> None:
    def statuses() -> set[int]:
        rest = ("", "de/", "sitemap.xml", "feed.xml", f"en/topics/{centre.public.pk}/")
        return {centre.get(each).status_code for each in rest} | {centre.search("shoes").status_code}

    assert statuses() == {200}
    centre.save(is_public=False)
    assert statuses() == {404}
    centre.save()
    with tenant_scope(centre.world.acme.pk):
        ChannelAccount.objects.filter(pk=centre.account.pk).update(paused_at=now())
    paused = centre.get().content.decode()
    assert "walker-chat" not in paused.replace("walker-chat{", "")
    with tenant_scope(centre.world.acme.pk):
        ChannelAccount.objects.filter(pk=centre.account.pk).update(is_active=False)
    assert statuses() == {404}
    other = make_widget(centre.world.globex.pk, "Globex chat")
    assert Client().get(f"/help/{other.public_key}/").status_code == 404
    assert Client().get("/help/nobody/").status_code == 404


@pytest.mark.slow
def test_robot_that_asks_a_thousand_times_is_refused_before_anything_is_read(
    centre: Centre, django_assert_num_queries: object
) -> None:
    answers = [centre.get("sitemap.xml").status_code for _ in range(door.PAGES + 20)]
    assert (answers.count(200), answers.count(429)) == (door.PAGES, 20)
    with django_assert_num_queries(0):  # type: ignore[operator]
        refused = centre.get()
    assert (refused.status_code, refused["Retry-After"]) == (429, "60")
    elsewhere = centre.get(REMOTE_ADDR="198.51.100.9")
    assert elsewhere.status_code == 200
    searched = [centre.search("shoes").status_code for _ in range(door.FORMS + 1)]
    assert searched[-1] == 429


@pytest.mark.slow
def test_search_words_are_in_no_address_and_no_log(
    centre: Centre, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(0):
        answer = centre.search("my order 4711 of jane@example.com")
    said = capfd.readouterr()
    assert answer.status_code == 200
    assert "4711" not in caplog.text + said.out + said.err
    assert "4711" not in str(answer.headers)
    assert centre.get("search/?q=4711").status_code == 302
    odd = ["", " ", "\x00", "%" * 5000, "'; drop table x; --", "<script>alert(1)</script>", "🦊" * 300, "a\ud800b"]
    assert [
        words[:9] for words in odd if centre.search(words.encode("utf-8", "replace").decode()).status_code != 200
    ] == []
    assert "<script>alert" not in centre.search("<script>alert(1)</script>").content.decode()
    for origin in ("https://evil.example", "http://["):
        theirs = centre.client.post(f"{centre.path}search/", {"q": "x"}, headers={"origin": origin})
        assert theirs.status_code == 403


@pytest.mark.slow
def test_vote_counts_once_a_visitor_and_day_and_is_shown_beside_the_article(
    centre: Centre,
    browser: Browser,  # noqa: F811
) -> None:
    row = centre.write("Opening hours", "We open at ten.")
    path = f"{centre.path}votes/{row.pk}/"

    def say(word: str, address: str = "198.51.100.1", **headers: str) -> int:
        status: int = centre.client.post(path, {"helpful": word}, REMOTE_ADDR=address, headers=headers).status_code
        return status

    answer = centre.client.post(path, {"helpful": "no"}, REMOTE_ADDR="198.51.100.1")
    assert (answer.status_code, answer["Location"]) == (
        303,
        f"{centre.path}articles/{row.pk}/opening-hours/?voted=no#helpful",
    )
    assert "Thank you for your feedback" in centre.client.get(answer["Location"].partition("#")[0]).content.decode()
    assert [say("yes"), say("yes"), say("no", "198.51.100.2")] == [303] * 3
    assert [say("maybe"), say("yes", origin="https://evil.example"), say("yes", origin="null")] == [403] * 3
    with tenant_scope(centre.world.acme.pk):
        assert count_votes(document_id=row.pk) == votes.Votes(helpful=1, all=2)
        kept = HelpVote.objects.values_list("visitor", flat=True)
        assert all(len(each) == 64 and "198" not in each[:3] for each in kept)
    page = browser("owner").get(reverse("admin:agents_document_change", args=[row.pk]))
    assert "1 of 2 visitors found it helpful" in page.content.decode()


def test_votes_of_the_next_day_count_again_and_old_ones_are_forgotten(centre: Centre) -> None:
    row = centre.write("Opening hours", "We open at ten.")
    with tenant_scope(centre.world.acme.pk):
        for visitor in ("a", "a", "b"):
            votes.record_vote(article_id=row.pk, visitor=visitor, is_helpful=True)
        HelpVote.objects.update(day=now().date() - timedelta(days=1))
        votes.record_vote(article_id=row.pk, visitor="a", is_helpful=True)
        assert count_votes(document_id=row.pk).all == 3
    with tenant_scope(centre.world.globex.pk), pytest.raises(NotFound):
        votes.record_vote(article_id=row.pk, visitor="a", is_helpful=True)
    assert prune_votes() == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(votes, "KEPT", timedelta(seconds=-5))
        assert prune_votes() == 3


@pytest.mark.slow
def test_keeper_sets_up_a_help_centre_and_each_change_is_on_record(
    centre: Centre,
    browser: Browser,  # noqa: F811
) -> None:
    with tenant_scope(centre.world.acme.pk):
        chat = make_widget(centre.world.acme.pk, "Second chat")
        made = HelpCentre.objects.get()
    owner, support = browser("owner"), browser("viewer")
    new = reverse("admin:agents_helpcentre_create")
    form = {"account_id": str(chat.pk), "title": "Second", "language": "de", "colour": "#155e4c"}
    assert "Second chat" in owner.get(new).content.decode()
    assert "Acme chat" not in owner.get(new).content.decode()
    pale = owner.post(new, {**form, "colour": "#ffee00"})
    assert pale.status_code == 400
    assert "be read on white" in pale.content.decode()
    assert support.post(new, form).status_code == 403
    assert owner.post(new, form).status_code == 302
    edit = reverse("admin:agents_helpcentre_edit", args=[made.pk])
    changed = {"title": "Acme answers", "language": "en", "colour": "#155e4c", "is_public": "on"}
    assert owner.post(edit, changed).status_code == 302
    assert "Acme answers" in centre.get().content.decode()
    with tenant_scope(centre.world.acme.pk):
        entries = AuditEntry.objects.filter(action="HELP_CENTRE_SAVED").order_by("pk")
        assert [(entry.old_state, entry.new_state) for entry in entries] == [
            ("", "public"),
            ("", "off"),
            ("public", "public"),
        ]
    with tenant_scope(centre.world.acme.pk), pytest.raises(Refused):
        save_help_centre(actor=centre.world.actor("viewer"), account_id=chat.pk, title="x", language="en")
    with tenant_scope(centre.world.globex.pk), pytest.raises(NotFound):
        save_help_centre(actor=centre.world.outsider(), account_id=chat.pk, title="x", language="en")
    with tenant_scope(centre.world.acme.pk), pytest.raises(Invalid) as wrong:
        save_help_centre(
            actor=centre.world.actor("owner"), account_id=chat.pk, title=" ", language="tlh",
            introduction="x" * 201, colour="red; } body { display: none",
        )  # fmt: skip
    assert sorted(wrong.value.as_dict()["fields"]) == ["colour", "introduction", "language", "title"]


@pytest.mark.slow
def test_chat_s_own_page_offers_the_articles_that_were_cited_most_while_they_are_public(centre: Centre) -> None:
    page = f"/chat/{centre.account.public_key}/"
    hidden = hide(centre)
    shoes = centre.write("Shoe sizes", "Sizes run from 36 to 48.", language="en")
    with tenant_scope(centre.world.acme.pk):
        talk = Conversation.objects.create(contact=Contact.objects.create(), channel_account=centre.account)
        answer = Message.objects.create(
            conversation=talk, channel_account=centre.account, seq=1, direction="out", sender_type="agent",
            status="sent", body="Here", masked_body="Here",
        )  # fmt: skip
        versions = DocumentVersion.objects.filter(document__in=[*(row.pk for row in hidden.values()), shoes.pk])
        for number, version in enumerate(versions):
            cited = {"document_id": version.document_id, "version": version, "passage_number": 1, "digest": "0" * 64}
            Citation.objects.create(message=answer, number=number, **cited)
        assert len(versions) > 5
    seen = centre.client.get(page).content.decode()
    assert re.findall(r'<a href="/help/[^"]+/articles/[^"]+/([a-z-]+)/"', seen) == ["shoe-sizes"]
    assert re.findall(r"q[az][a-z]+", seen) == []
    with tenant_scope(centre.world.acme.pk):
        services.change_collection(actor=OPERATOR, collection_id=centre.public.pk, audience="members")
    assert "shoe-sizes" not in centre.client.get(page).content.decode()
    with tenant_scope(centre.world.acme.pk):
        services.change_collection(actor=OPERATOR, collection_id=centre.public.pk, audience="public")
    assert "shoe-sizes" in centre.client.get(page).content.decode()
    centre.save(is_public=False)
    assert "shoe-sizes" not in centre.client.get(page).content.decode()
