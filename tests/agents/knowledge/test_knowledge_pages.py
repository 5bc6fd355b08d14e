"""The console's pages of knowledge: what is found, what was cited, what is near a question, and who may add."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from agents.knowledge import services
from agents.knowledge.models import Citation, Collection, Document, OpenQuestion
from agents.knowledge.search import questions
from agents.knowledge.search.citations import Cited, count_citations
from agents.knowledge.search.suggestions import suggest_documents
from agents.knowledge.sources import uploads
from conversations.services import Upload
from core.clock import now
from core.errors import Conflict, Invalid, NotFound, Refused
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from tests.agents.conftest import Desk
from tests.agents.knowledge.test_knowledge import article, collection
from tests.console.conftest import Browser
from tests.world import OPERATOR, World

pytestmark = pytest.mark.django_db
LIST, QUESTIONS, ADD = "/admin/agents/document/", "/admin/agents/openquestion/", "/admin/agents/document/new/"
MOST = 40


@pytest.fixture
def shelves(acme: World) -> dict[str, Collection]:
    """A few documents in two collections."""
    help_, team = collection(), collection("Team", "members")
    article(help_, "Returns", "## How long\nYou can return **shoes** within 30 days, unworn.\n\n## Costs\nIt is free.")
    article(help_, "What delivery costs", "Delivery costs 4.90 euros; express costs 12 euros.")
    article(team, "Goodwill", "Offer a voucher of up to 50 euros without asking.")
    file = article(help_, "Care guide", "Wax leather twice a year.")
    Document.objects.filter(pk=file.pk).update(kind="file", outdated={"says": "a", "instead": "b", "title": "x"})
    return {"help": help_, "team": team}


def titles(client: Client, path: str) -> list[str]:
    page = client.get(path)
    assert page.status_code == 200, path
    return [html.unescape(title) for title in re.findall(r'wk-row-link" href="[^"]*">([^<]+)<', page.content.decode())]


@pytest.mark.slow
def test_list_is_searched_in_titles_and_texts_and_narrowed_by_links(
    shelves: dict[str, Collection], acme: World, browser: Browser
) -> None:
    viewer, found = browser("viewer"), {}
    wanted = {
        "": ["Care guide", "Goodwill", "What delivery costs", "Returns"],
        "?q=unworn": ["Returns"],
        "?q=retur": ["Returns"],
        "?q=costs+euros": ["What delivery costs"],
        "?q=delivery+bicycles": [],
        "?q=costs": ["What delivery costs", "Returns"],
        f"?collection={shelves['team'].pk}": ["Goodwill"],
        f"?collection={shelves['team'].pk}&q=unworn": [],
        "?kind=file": ["Care guide"],
        "?state=doubted": ["Care guide"],
        "?state=ready&kind=article&q=voucher": ["Goodwill"],
        "?state=other_day": [],
        # What names nothing narrows nothing.
        f"?collection={acme.acme.pk}": ["Care guide", "Goodwill", "What delivery costs", "Returns"],
        "?collection=x&kind=y&state=z&q=%20": ["Care guide", "Goodwill", "What delivery costs", "Returns"],
    }
    for query in wanted:
        found[query] = titles(viewer, LIST + query)
    assert found == wanted
    page = viewer.get(LIST + "?kind=file&q=wax").content.decode()
    assert "Wax leather twice a year." in page
    assert re.search(r'href="\?q=wax"\s+aria-current="true">\s*Files|href="\?q=wax" aria-current="true">Files', page)
    assert f"collection={shelves['team'].pk}" in page
    assert ">Add to knowledge</a>" not in page
    assert titles(browser("owner", outside=True), LIST) == []
    assert titles(browser("owner", outside=True), LIST + f"?collection={shelves['help'].pk}") == []


@pytest.mark.slow
def test_citations_of_the_shown_documents_are_counted_by_answers_of_30_days(
    desk: Desk, shelves: dict[str, Collection], acme: World, browser: Browser
) -> None:
    for visitor in ("visitor", "visitor-2", "visitor-3"):
        desk.say("How many days do I have to return shoes?", visitor)
    rows = {row.title: row.pk for row in Document.objects.all()}
    first = Citation.objects.filter(document=rows["Returns"]).earliest("created_at")
    again = {field: getattr(first, field) for field in ("message_id", "document_id", "version_id", "digest")}
    Citation.objects.create(**again, number=9, passage_number=2)
    old = Citation.objects.filter(document=rows["Returns"]).exclude(message=first.message_id)[0]
    Citation.objects.filter(pk=old.pk).update(created_at=now() - timedelta(days=31))
    with tenant_scope(acme.acme.pk):
        viewer = acme.actor("viewer")
        found = count_citations(viewer=viewer, document_ids=list(rows.values()))
        assert {title: found.get(key, Cited()).answers for title, key in rows.items()} == {
            **dict.fromkeys(rows, 0),
            "Returns": 2,
        }
        Citation.objects.update(created_at=now() - timedelta(days=40))
        late = count_citations(viewer=viewer, document_ids=[rows["Returns"]])[rows["Returns"]]
        assert (late.answers, late.last_at is not None) == (0, True)
    with tenant_scope(acme.globex.pk):
        assert count_citations(viewer=acme.outsider("owner"), document_ids=list(rows.values())) == {}
    Citation.objects.filter(pk=first.pk).update(created_at=now())
    for path in (LIST, f"{LIST}{rows['Returns']}/"):
        page = browser("viewer").get(path).content.decode()
        assert re.search(r"<b class=\"wk-number\">1</b>\s*answer\b", page), path
    assert "Not yet" in browser("viewer").get(f"{LIST}{rows['Goodwill']}/").content.decode()


def asked(*words: str, times: int = 1) -> OpenQuestion:
    return OpenQuestion.objects.create(text=f"About {' '.join(words)}?", words=sorted(words), asked=times)


@pytest.mark.slow
def test_open_question_suggests_the_nearest_article_to_add_to(
    shelves: dict[str, Collection], acme: World, browser: Browser
) -> None:
    worn, sold, team = asked("return", "shoes", "oslo", times=9), asked("bicycles"), asked("voucher", "birthday")
    near = suggest_documents(viewer=acme.actor("viewer"), questions=[worn, sold, team])
    assert {row.pk: found.document.title for row, found in ((each, near.get(each.pk)) for each in (worn, sold, team))
            if found} == {worn.pk: "Returns", team.pk: "Goodwill"}  # fmt: skip
    assert set(near[worn.pk].shared) == {"return", "shoes"}
    assert suggest_documents(viewer=acme.actor("viewer"), questions=[]) == {}
    with tenant_scope(acme.globex.pk):
        assert suggest_documents(viewer=acme.outsider("owner"), questions=[worn]) == {}
    returns = near[worn.pk].document
    add = f"{QUESTIONS}{worn.pk}/add/?document={returns.pk}"
    page, seen = browser("admin").get(QUESTIONS).content.decode(), browser("viewer").get(QUESTIONS).content.decode()
    assert html.escape(add) in page
    assert f"{QUESTIONS}{sold.pk}/answer/" in page
    assert "Nothing you have is near it." in page
    assert (f"{LIST}{returns.pk}/" in seen, "/add/" in seen, "/answer/" in seen) == (True, False, False)

    admin = browser("admin")
    with CaptureQueriesContext(connection) as read:
        form = admin.get(add).content.decode()
    assert sum(' FROM "agents_document" ' in each["sql"] for each in read) == 1
    assert "## About return shoes oslo?" in form
    given = {"document_id": returns.pk, "version": 1, "text": services.text_of(returns)}
    assert "Add the answer to the text." in admin.post(add, given).content.decode()
    assert OpenQuestion.objects.get(pk=worn.pk).state == "open"
    given["text"] += "\n\n## Returns in Oslo\nBring shoes to our shop in Oslo."
    assert browser("viewer").post(add, given).status_code == 403
    assert browser("owner", outside=True).post(add, given).status_code == 404
    assert admin.post(add, given).status_code == 302
    worn.refresh_from_db()
    assert (worn.state, worn.answer_id) == ("answered", returns.pk)
    assert Document.objects.get(pk=returns.pk).version == 2
    assert AuditEntry.objects.filter(action="QUESTION_ANSWERED", object_id=worn.pk).count() == 1
    with pytest.raises(Conflict):
        questions.add_to_article(actor=OPERATOR, question_id=worn.pk, document_id=returns.pk, text="Again.")
    facts: dict[str, Any] = {"question_id": team.pk, "document_id": returns.pk, "text": "New."}
    with pytest.raises(Refused):
        questions.add_to_article(actor=acme.actor("viewer"), **facts)
    with pytest.raises(Conflict, match="changed this article"):
        questions.add_to_article(actor=OPERATOR, **facts, seen_version=1)
    with pytest.raises(NotFound):
        questions.add_to_article(actor=OPERATOR, **{**facts, "document_id": team.pk})
    assert OpenQuestion.objects.get(pk=team.pk).state == "open"

    by_api = f"/api/v1/open-questions/{team.pk}/add-to-article/"
    said: dict[str, Any] = {"document_id": str(returns.pk), "text": given["text"], "seen_version": 1}

    def send(client: Client, **more: Any) -> tuple[int, str]:
        answer = client.post(by_api, {**said, **more}, content_type="application/json")
        return answer.status_code, answer.json().get("code", "")

    fuller = {"text": said["text"] + "\n\nTeams too.", "seen_version": 2}
    tried = [send(admin), send(admin, seen_version=2), send(browser("viewer"), **fuller)]
    tried += [send(browser("owner", outside=True), **fuller), send(admin, **fuller), send(admin, **fuller)]
    refused = [(409, "stale_version"), (400, "invalid"), (403, "not_allowed"), (404, "not_found")]
    assert tried == [*refused, (200, ""), (409, "not_open")]
    assert "Answered by" in admin.get(QUESTIONS + "?state=answered").content.decode()


@pytest.mark.slow
def test_statements_of_the_pages_do_not_grow_with_rows(
    shelves: dict[str, Collection], acme: World, browser: Browser
) -> None:
    owner = browser("owner")
    asked("return", "shoes")
    row = Document.objects.get(title="Returns")
    one = OpenQuestion.objects.get()
    paths = [LIST, LIST + "?q=unknwon+wrods+abot+shose+retrun+delivry", QUESTIONS, ADD, f"{LIST}{row.pk}/"]
    paths += [f"{QUESTIONS}{one.pk}/", f"{QUESTIONS}{one.pk}/add/?document={row.pk}", "/admin/agents/collection/"]
    counts: list[dict[str, int]] = []
    for more in (3, 0):
        counts.append({})
        for path in paths:
            owner.get(path)
            with CaptureQueriesContext(connection) as asking:
                assert owner.get(path).status_code == 200, path
            counts[-1][path] = len(asking)
        for number in range(more):
            article(collection(f"Shelf {number}"), f"Delivery {number}", f"Shoes of delivery {number} are returned.")
            asked("delivery", str(number), "shoes")
    assert counts[0] == counts[1]
    assert {path: count for path, count in counts[1].items() if count > MOST} == {}


@pytest.mark.slow
def test_one_page_takes_an_article_or_files_and_names_those_it_cannot(
    shelves: dict[str, Collection], acme: World, browser: Browser
) -> None:
    admin, home = browser("admin"), shelves["help"].pk
    form = admin.get(f"{ADD}?collection={home}&kind=files").content.decode()
    assert re.search(rf'<option value="{home}" selected', form)
    assert re.search(r'value="files"\s+checked', form)
    missing = admin.post(ADD, {"kind": "article", "collection_id": home, "title": "Laces", "text": ""})
    assert missing.status_code == 400
    assert 'value="Laces"' in missing.content.decode()
    text = {"title": "Laces", "text": "Spare laces are in the box."}
    written = admin.post(ADD, {"kind": "article", "collection_id": home, **text})
    row = Document.objects.get(title="Laces")
    assert (written.status_code, written["Location"]) == (302, f"{LIST}{row.pk}/")

    def files(*given: tuple[str, bytes], **more: str) -> Any:
        sent = [SimpleUploadedFile(name, content) for name, content in given]
        return admin.post(ADD, {"kind": "files", "collection_id": home, "files": sent, **more})

    answer = files(("rules.txt", b"No diving."), ("photo.txt", b"\x89PNG\r\n\x1a\n" + bytes(40)), ("empty.pdf", b""))
    page = html.unescape(answer.content.decode())
    assert answer.status_code == 400
    assert "“rules” is being read." in page
    assert "Not added: “photo.txt”: This kind of file can't be read." in page
    assert "Not added: “empty.pdf”: The file is empty." in page
    assert files(("a.txt", b"One."), ("b.md", b"Two."))["Location"] == f"{LIST}?collection={home}"
    names = Document.objects.filter(kind="file", collection=home).values_list("title", flat=True)
    assert {"rules", "a", "b"} <= set(names)
    before = Document.objects.count()
    refused = {
        "no file": files(),
        "one title for two": files(("a.txt", b"One."), ("b.txt", b"Two."), title="Rules"),
        "too many": files(*((f"{number}.txt", b"One.") for number in range(11))),
        "bad address": files(("a.txt", b"One."), address="javascript:alert(1)"),
        "no collection": admin.post(ADD, {"kind": "article", "collection_id": acme.acme.pk, **text}),
    }
    assert {name: each.status_code for name, each in refused.items() if each.status_code != 400} == {}
    assert browser("viewer").post(ADD, {"kind": "article", "collection_id": home, **text}).status_code == 403
    foreign = browser("owner", outside=True).post(ADD, {"kind": "article", "collection_id": home, **text})
    assert foreign.status_code == 400
    assert Document.objects.count() == before


@pytest.mark.slow
def test_known_file_stays_as_it_is_unless_it_is_said_whose_it_is_and_all_that_comes_with_it_is_kept(
    shelves: dict[str, Collection], browser: Browser
) -> None:
    admin, home = browser("admin"), shelves["help"].pk
    file = Upload("rules.txt", b"No diving.")
    row = uploads.upload_document(actor=OPERATOR, collection_id=home, file=file, is_own=True)
    uploads.read_document(document_id=row.pk)
    said = {"title": "Pool rules", "language": "nl", "address": "https://shop.example/rules"}
    until = {"valid_until": "2099-12-31"}
    seen = {}

    def sent(name: str, path: str, field: str, **more: str) -> None:
        body = {"collection_id": home, field: SimpleUploadedFile("rules.txt", b"No diving."), **more}
        answer = admin.post(path, body, follow=True)
        words = html.unescape(answer.content.decode())
        row.refresh_from_db()
        told = [each for each in (str(row.pk), "Not added again", "delete its document", "is saved") if each in words]
        is_kept = [getattr(row, name) == value for name, value in said.items()] + [str(row.valid_until) == "2099-12-31"]
        seen[name] = (answer.status_code, row.is_own, set(is_kept), "known_file" in words, told[-2:])

    sent("left out", "/api/v1/documents/upload/", "file", **said, **until)
    sent("no", "/api/v1/documents/upload/", "file", **said, **until, is_own="false")
    sent("unticked", ADD, "files", kind="files", title="Other")
    sent("ticked", ADD, "files", kind="files", is_own="on")
    how = "delete its document"
    assert seen == {
        "left out": (409, True, {False}, True, [str(row.pk)]),
        "no": (201, False, {True}, False, [str(row.pk)]),
        "unticked": (200, False, {True}, False, ["Not added again", how]),
        "ticked": (200, True, {True}, False, [how, "is saved"]),
    }
    changed = AuditEntry.objects.filter(object_id=row.pk, action="DOCUMENT_CHANGED").order_by("seq")
    assert [(one.old_state, one.facts) for one in changed] == [
        ("version 1", {"is_own": False}),
        ("version 2", {"is_own": True}),
    ]


@pytest.mark.slow
def test_pages_without_anything_say_where_to_begin_and_earlier_addresses_lead_on(acme: World, browser: Browser) -> None:
    admin, viewer = browser("admin"), browser("viewer")
    page = admin.get(LIST).content.decode()
    assert "Begin with a collection" in page
    assert reverse("admin:agents_collection_create") in page
    assert reverse("admin:agents_collection_create") not in viewer.get(LIST).content.decode()
    assert "Create one first" in admin.get(ADD).content.decode()
    shelf = collection()
    page = admin.get(f"{LIST}?collection={shelf.pk}").content.decode()
    assert f"{ADD}?kind=files&amp;collection={shelf.pk}" in page
    moved = {
        f"/admin/agents/collection/{shelf.pk}/write/": f"{ADD}?collection={shelf.pk}&kind=article",
        f"/admin/agents/collection/{shelf.pk}/upload/": f"{ADD}?collection={shelf.pk}&kind=files",
        "/admin/agents/collection/try/": "/admin/agents/document/try/",
    }
    assert {path: admin.get(path)["Location"] for path in moved} == moved


def test_wrong_file_among_good_ones_is_named_and_wrong_facts_stop_all(shelves: dict[str, Collection]) -> None:
    home = shelves["help"].pk
    good, bad = Upload("a/../ok.txt", b"Fine."), Upload("bad.png", b"\x89PNG\r\n\x1a\n" + bytes(40))
    taken, known, refused = uploads.upload_documents(actor=OPERATOR, collection_id=home, files=[good, bad, good])
    assert known == ["“ok.txt”: This file is in the collection already, as “ok”."]
    assert [row.title for row in taken] == ["ok"]
    assert refused == [f"“bad.png”: {uploads.NO_KIND}"]
    with pytest.raises(Invalid) as problem:
        uploads.upload_documents(actor=OPERATOR, collection_id=home, files=[bad, good], language="tlh")
    assert list(problem.value.facts["fields"]) == ["language"]
    assert not Document.objects.filter(title="ok").exclude(pk=taken[0].pk).exists()
