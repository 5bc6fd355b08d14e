"""Each endpoint, asked by somebody with the right, a colleague without it, an outsider and a stranger."""

from copy import deepcopy
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import get_resolver
from redis import Redis

from accounts.models import ApiKey
from core.clock import now
from core.tenancy.scope import tenant_scope
from tests.api.office import KIND, V1, Caller, Office
from tests.database.emptying import forget_keys
from tests.rows import check_rows
from tests.security.permissions import needed_for, strongest_without

pytestmark = pytest.mark.django_db
STAFF = "conversations/{conversation}/"
REQUEST = "approvals/{approval}/"


@dataclass(frozen=True)
class Door:
    """One method of one address: a role with its permission and what it gets, and what an outsider gets.

    Who may not is a role without the permission that the table names, and `also` one whom the service refuses.
    """

    method: str
    path: str
    insider: str
    status: int
    outsider: int = 404
    body: dict[str, Any] = field(default_factory=dict)
    also: str = ""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def colleagues(self, office: Office) -> list[str]:
        """Return the roles that may not."""
        needed = needed_for(self.method, V1 + self.path.format(**office.ids))
        return [role for role in (strongest_without(needed), self.also) if role]

    def given(self, office: Office) -> dict[str, Any]:
        """Return the body, with the office's own ids."""
        body = {**self.body}
        if body.get("digest") == "current":
            body["digest"] = office.stored(office.ids["approval"]).digest
        return {name: value.format(**office.ids) if isinstance(value, str) else value for name, value in body.items()}

    def ask(self, caller: Caller, office: Office) -> Any:
        """Knock."""
        path = self.path.format(**office.ids)
        if self.method == "get":
            return caller.get(path)
        body = self.given(office)
        return caller.post(path, body) if self.method == "post" else caller.send(self.method, path, body)


VOTE = {"digest": "current", "reason": "Fits the plan."}
OWN_FIELD = {"subject": "contact", "key": "tier", "kind": "list", "name": "Tier", "options": ["Gold"]}
CHANGE = {"changes": {"budget": "800.00"}}
MANY = {"verdict": "approve", "items": [{"id": "00000000-0000-7000-8000-000000000000", "digest": "0" * 64}]}
SWAP = {"from_person": "{approver}", "to": "{owner}"}
LATELY = {"since": f"{now() - timedelta(days=2):%Y-%m-%dT%H:%M:%SZ}"}
AWAY = {"to_person": "{owner}", "until": f"{now() + timedelta(days=9):%Y-%m-%dT%H:%M:%SZ}"}
NEW = {"kind": KIND, "params": {"campaign": "Sale", "budget": "120.00"}}
SHARE = {"kind": "agent", "object_id": "{agent}", "level": "see", "role": "viewer", "reason": "Helps with it"}
NIGHT = {"name": "Night", "permissions": ["hitl.view_approval"]}
FLOW = {"name": "Night", "levels": [{"approvers": [{"type": "role", "value": "owner"}]}], "conditions": {"priority": 9}}
MORE = {"conditions": {"priority": 5}, "version": 1}
CASE = {"name": "Bye", "says": ["Bye"], "expects": {"brings_person": False}}
ATTEMPT = {"agent_id": "{agent}", "speaker": "public", "text": "Hello"}
GROUP = {"name": "Heads", "people": []}
HOURS = {"name": "Night", "zone": "UTC", "week": {"mon": [["20:00", "23:00"]]}}
VIEW = {"list_key": "hitl.approval", "name": "Late ones", "query": "state=pending"}
NO_SECRET: dict[str, Any] = {"credentials": {}}
NO_SYSTEM = {"provider": "nobody", **NO_SECRET}
HOOK = {"name": "Billing", "url": "https://93.184.216.34/hook"}
SECURITY = {"name": "Splunk", "kind": "splunk", "address": "https://93.184.216.34/in", "token": "t"}
CANNED = {"shortcut": "bye", "title": "Goodbye", "text": "Have a nice day."}
TEAM = {"name": "Night", "targets": [{"priority": 2, "first_answer_minutes": 30}]}
STOPPED = {"address": "+34600123456", "purpose": "marketing", "state": "withdrawn"}
ASKED = {"contact_id": "{contact}", "kind": "access", "received_on": "2026-01-05"}
HANDLER = {"person_id": "{owner}"}
ANSWERED = {"state": "refused", "answer": "We hold nothing about this person."}
WORDS = {"purpose": "marketing", "text": "Yes, send me offers by email."}
LIMIT = {"scope": "all", "currency": "USD", "amount": "10.00", "window": "day"}
ROUTE = {"name": "Ours", "model": "m", "base_url": "https://models.example/v1", "key": "k", "is_free": True}
LANGFLOW = {"base_url": "https://other.example", "key": "k"}
SPENDING = {"scope": "tenant", "period": "month", "amount": "50.00", "currency": "EUR"}
LESS = {"amount": "9.00", "on_spent": "local_only"}
REVEAL = {"object": "conversation:{conversation}", "fields": ["messages"], "reason": "The customer asked."}
PERIOD = {"since": "2020-01-01T00:00:00Z", "until": "2099-01-01T00:00:00Z"}
WHY = {"reason": "The auditor asked for it."}
MERGE = {"into_id": str(UUID(int=1)), "reason": "She told us so on the phone."}
WISH = {"reason": "asked_for"}
RUNS_GO = {"kind": "agent_runs", "days": 30}
CASE_HELD = {"subject_type": "organisation", "reference": "C 12/26"}
OFFER = {"email": "ana@new.example", "role": "viewer"}
MACRO = {"name": "Parcel is lost", "steps": {"priority": {"priority": 3}}}
TRIED = {"what": "risk", "draft": {"weights": {"cost": 2}}, "days": 30}
SHELF = {"name": "More", "audience": "public"}
SITE = {"collection_id": "{collection}", "address": "https://shop.example/"}
ARTICLE = {"collection_id": "{collection}", "title": "Sizes", "text": "All of them."}
ADDED = {"document_id": "{document}", "text": "All of them, and in black."}
DOORS = [
    Door("get", "", "viewer", 200, outsider=200),
    Door("get", "event-types/", "viewer", 200, outsider=200),
    Door("get", "approvals/", "viewer", 200, outsider=200),
    Door("get", "approvals/export/", "compliance", 200, outsider=200),
    Door("post", "approvals/", "support", 201, outsider=201, body=NEW),
    Door("get", REQUEST, "viewer", 200),
    Door("get", f"{REQUEST}history/", "viewer", 200),
    Door("get", f"{REQUEST}executions/", "viewer", 200),
    Door("get", f"{REQUEST}decisions/", "viewer", 200),
    Door("get", f"{REQUEST}notifications/", "viewer", 200),
    Door("get", f"{REQUEST}timers/", "viewer", 200),
    Door("get", f"{REQUEST}notes/", "viewer", 200),
    Door("post", f"{REQUEST}notes/", "viewer", 201, body={"text": "Ask finance."}),
    Door("post", f"{REQUEST}approve/", "approver", 200, body=VOTE),
    Door("post", f"{REQUEST}reject/", "approver", 200, body=VOTE),
    Door("post", f"{REQUEST}undo/", "admin", 403, body=VOTE),
    Door("post", f"{REQUEST}edit-and-approve/", "approver", 403, body={**VOTE, **CHANGE}),
    Door("post", "approvals/batch-decisions/", "approver", 202, outsider=202, body=MANY),
    Door("get", "approvals/batch-decisions/{approval}/", "viewer", 404),
    Door("post", "approvals/batch-decisions/{approval}/undo/", "admin", 404),
    Door("post", f"{REQUEST}cancel/", "support", 200, body=VOTE),
    Door("post", f"{REQUEST}revoke/", "admin", 409, body=VOTE),
    Door("post", f"{REQUEST}compensate/", "support", 409, body={}),
    Door("post", f"{REQUEST}hold/", "compliance", 200, body=VOTE),
    Door("post", f"{REQUEST}release/", "compliance", 409, body=VOTE),
    Door("post", f"{REQUEST}flag/", "compliance", 200, body={**VOTE, "flag": "watched"}),
    Door("post", f"{REQUEST}unflag/", "compliance", 409, body={**VOTE, "flag": "watched"}),
    Door("post", f"{REQUEST}edit/", "approver", 200, body={**VOTE, "changes": {"budget": "800.00"}}),
    Door("post", f"{REQUEST}ask/", "approver", 200, body=VOTE),
    Door("post", f"{REQUEST}answer/", "support", 409, body=VOTE),
    Door("post", f"{REQUEST}send-back/", "approver", 200, body=VOTE),
    Door("post", f"{REQUEST}resubmit/", "support", 409, body=VOTE),
    Door("post", f"{REQUEST}override/", "owner", 403, body=VOTE),
    Door("post", f"{REQUEST}review/", "compliance", 404, body=VOTE),
    Door("get", f"{REQUEST}revisions/", "viewer", 200),
    Door("post", f"{REQUEST}escalate/", "admin", 409, body=VOTE),
    Door("post", f"{REQUEST}probe/", "admin", 409, body=VOTE),
    Door("post", f"{REQUEST}delegate/", "approver", 200, body={**VOTE, "to": "{owner}"}),
    Door("post", f"{REQUEST}reassign/", "admin", 200, body={**VOTE, **SWAP}),
    Door("get", "delegations/", "approver", 200, outsider=200),
    Door("post", "delegations/", "approver", 201, outsider=400, body=AWAY),
    Door("post", "delegations/{approval}/end/", "approver", 404),
    Door("post", f"{REQUEST}resolve/", "admin", 409, body={**VOTE, "outcome": "failed", "evidence": "Log"}),
    Door("get", "workflows/", "approver", 200, outsider=200),
    Door("get", "workflows/{workflow}/", "approver", 200),
    Door("post", "workflows/", "owner", 201, outsider=201, body=FLOW),
    Door("post", "workflows/{workflow}/revise/", "owner", 200, body=MORE),
    Door("put", "workflows/{workflow}/", "owner", 200, body={**FLOW, "version": 1}),
    Door("patch", "workflows/{workflow}/", "owner", 200, body=MORE),
    Door("post", "workflows/{workflow}/copy/", "owner", 201, body={"name": "Second"}),
    Door("post", "workflows/{workflow}/retire/", "owner", 200),
    Door("post", "workflows/{workflow}/restore/", "owner", 409),
    Door("get", "workflows/{workflow}/sharing/", "owner", 200),
    Door("put", "workflows/{workflow}/sharing/", "owner", 200, body={"roles": ["approver"]}),
    Door("post", "workflows/{workflow}/simulate/", "approver", 200, body={"kind": KIND, "score": 40}),
    Door("get", "simulations/", "approver", 200, outsider=200),
    Door("post", "simulations/", "owner", 201, also="approver", outsider=201, body=TRIED),
    Door("get", "simulations/{simulation}/", "approver", 200),
    Door("post", "simulations/{simulation}/stop/", "owner", 409),
    Door("get", f"{REQUEST}evidence/", "compliance", 200),
    Door("get", "evidence-exports/", "compliance", 200, outsider=200),
    Door("post", "evidence-exports/", "compliance", 201, outsider=400, body=PERIOD),
    Door("get", "evidence-exports/{approval}/", "compliance", 404),
    Door("post", "evidence-exports/{approval}/stop/", "compliance", 404),
    Door("get", "evidence-exports/{approval}/file/", "compliance", 404),
    Door("get", "override-reviews/", "compliance", 200, outsider=200),
    Door("get", "dead-letters/", "admin", 200, outsider=200),
    Door("post", "dead-letters/{approval}/replay/", "admin", 404),
    Door("post", "dead-letters/{approval}/discard/", "admin", 404),
    Door("get", "groups/", "approver", 200, outsider=200),
    Door("post", "groups/", "owner", 201, outsider=201, body=GROUP),
    Door("get", "groups/{group}/", "approver", 200),
    Door("put", "groups/{group}/", "owner", 200, body={**GROUP, "version": 1}),
    Door("delete", "groups/{group}/", "owner", 204),
    Door("get", "calendars/", "approver", 200, outsider=200),
    Door("post", "calendars/", "owner", 201, outsider=201, body=HOURS),
    Door("get", "calendars/{calendar}/", "approver", 200),
    Door("put", "calendars/{calendar}/", "owner", 200, body={**HOURS, "version": 1}),
    Door("delete", "calendars/{calendar}/", "owner", 204),
    Door("get", "flags/", "approver", 200, outsider=200),
    Door("post", "flags/", "owner", 201, outsider=201, body={"name": "pep", "label": "Exposed"}),
    Door("get", "flags/{flag}/", "approver", 200),
    Door("put", "flags/{flag}/", "owner", 200, body={"label": "Seen", "version": 1}),
    Door("delete", "flags/{flag}/", "owner", 204),
    Door("get", "caps/", "approver", 200, outsider=200),
    Door("post", "caps/", "owner", 201, outsider=201, body=LIMIT),
    Door("get", "caps/{cap}/", "approver", 200),
    Door("patch", "caps/{cap}/", "owner", 200, body={"amount": "9.00", "version": 1}),
    Door("delete", "caps/{cap}/", "owner", 204),
    Door("get", "risk-policies/", "approver", 200, outsider=200),
    Door("post", "risk-policies/", "owner", 201, outsider=201, body={"version": 0}),
    Door("get", "decision-links/", "approver", 200, outsider=200),
    Door("put", "decision-links/", "owner", 200, outsider=200, body={"is_on": False, "version": 0}),
    Door("get", "action-kinds/", "approver", 200, outsider=200),
    Door("get", "kill-switches/", "viewer", 200, outsider=200),
    Door("get", "kill-switches/installation/", "viewer", 200, outsider=200),
    Door(
        "post",
        "kill-switches/",
        "compliance",
        201,
        201,
        {"scope": "kind", "target": "pause_campaign", "reason": "Why"},
    ),
    # No key is an operator of the installation: those who may stop their organisation are refused too.
    Door("post", "kill-switches/installation/", "owner", 403, 403, {"reason": "Why"}),
    Door("post", "kill-switches/installation/release/", "owner", 403, 403),
    Door("post", "kill-switches/{switch}/release/", "compliance", 200),
    Door("get", "conversations/", "viewer", 200, outsider=200),
    Door("post", "conversations/search/", "viewer", 200, outsider=200, body={"q": "budget"}),
    Door("get", STAFF, "viewer", 200),
    Door("get", f"{STAFF}summary/", "viewer", 200),
    Door("get", f"{STAFF}messages/", "viewer", 200),
    Door("post", f"{STAFF}messages/", "support", 201, body={"text": "Hello"}),
    Door("post", f"{STAFF}take-over/", "support", 200),
    Door("post", f"{STAFF}give-back/", "support", 409),
    Door("post", f"{STAFF}close/", "support", 200, body={"resolved": True}),
    Door("post", f"{STAFF}escalate/", "support", 200, body={"reason": "legal"}),
    Door("post", f"{STAFF}tags/", "support", 200, body={"name": "vip"}),
    Door("post", f"{STAFF}assign/", "support", 400, 400, {"user_id": str(UUID(int=1))}),
    Door("get", f"{STAFF}attachments/{{conversation}}/", "compliance", 404),
    Door("post", f"{STAFF}attachments/", "support", 415, outsider=415),
    Door("post", "messages/{conversation}/send-again/", "support", 404),
    Door("get", "briefs/", "viewer", 200, outsider=200),
    Door("post", "briefs/", "viewer", 201, outsider=201),
    Door("get", "brief-preferences/", "admin", 200, outsider=200),
    Door("get", "brief-preferences/me/", "viewer", 200, outsider=200),
    Door("patch", "brief-preferences/me/", "viewer", 200, outsider=200, body={"language": "de"}),
    Door("get", "notification-preferences/me/", "viewer", 200, outsider=200),
    Door("post", "notification-preferences/me/", "viewer", 200, outsider=200, body={"channels_on": ["email"]}),
    Door("get", "contacts/", "support", 200, outsider=200),
    Door("post", "contacts/search/", "support", 200, outsider=200, body={"q": "nobody"}),
    Door("post", "contacts/", "support", 201, outsider=201, body={"email": "new@customer.example"}),
    Door("patch", "contacts/{contact}/", "support", 200, body={"language": "de"}),
    Door("get", "contacts/{contact}/", "support", 200),
    Door("post", "contacts/{contact}/conversations/", "support", 409, body={"subject": "Hi", "text": "Ho"}),
    Door("post", "customer-links/", "support", 404, body={"contact_id": str(UUID(int=1)), "customer": "c-1"}),
    Door("get", "contacts/{contact}/facts/", "support", 200),
    Door("get", "contacts/{contact}/facts/{fact}/", "support", 200),
    Door("put", "contacts/{contact}/facts/{fact}/", "support", 200, body={"value": "Globex"}),
    Door("delete", "contacts/{contact}/facts/{fact}/", "support", 204),
    Door("get", "contacts/{contact}/merge/", "support", 200),
    Door("post", "contacts/{contact}/merge/preview/", "support", 404, body={"into_id": str(UUID(int=1))}),
    Door("post", "contacts/{contact}/merge/", "support", 404, body=MERGE),
    Door("post", "contacts/{contact}/merge/undo/", "support", 409),
    Door("post", "contacts/{contact}/block/", "support", 200),
    Door("post", "contacts/{contact}/unblock/", "support", 200),
    Door("post", "contacts/{contact}/language/", "support", 200, body={"language": "de"}),
    Door("get", "consents/", "support", 200, outsider=200),
    Door("get", "consents/{approval}/", "compliance", 404),
    Door("post", "consents/", "support", 201, outsider=201, body=STOPPED),
    Door("get", "consent-wordings/", "support", 200, outsider=200),
    Door("post", "consent-wordings/", "admin", 201, outsider=201, body=WORDS),
    # Keys of an API are no second factor: these are for people in the console's session.
    Door("post", "contacts/{contact}/erase/", "owner", 403, outsider=403, body=WISH),
    Door("post", "members/{approval}/erase/", "owner", 403, outsider=403, body=WISH),
    # Nor has a key a profile.
    Door("get", "me/", "viewer", 403, outsider=403),
    Door("patch", "me/", "viewer", 403, outsider=403, body={"language": "de"}),
    Door("post", "me/picture/", "viewer", 403, outsider=403),
    Door("delete", "me/picture/", "viewer", 403, outsider=403),
    Door("get", "organisation/", "admin", 200, outsider=200),
    Door("patch", "organisation/", "admin", 200, outsider=200, body={"language": "de"}),
    Door("get", "organisation/settings/", "admin", 200, outsider=200),
    Door("get", "organisation/changes/", "admin", 200, outsider=200),
    Door("get", "organisation/usage/", "admin", 200, outsider=200),
    Door("post", "organisation/logo/", "admin", 400, outsider=400),
    Door("delete", "organisation/logo/", "admin", 409, outsider=409),
    Door("get", "members/", "compliance", 200, outsider=200),
    Door("get", "members/{approval}/", "compliance", 404),
    Door("get", "members/invitations/", "compliance", 200, outsider=200),
    Door("post", "members/invitations/", "admin", 201, outsider=201, body=OFFER),
    Door("post", "members/invitations/{approval}/resend/", "admin", 404),
    Door("post", "members/invitations/{approval}/withdraw/", "admin", 404),
    Door("get", "views/", "viewer", 200, outsider=200),
    Door("post", "views/", "viewer", 201, outsider=201, body=VIEW),
    Door("get", "views/{view}/", "viewer", 200),
    Door("patch", "views/{view}/", "viewer", 200, body={"name": "Later"}),
    Door("delete", "views/{view}/", "viewer", 204),
    Door("get", "notices/", "viewer", 200, outsider=200),
    Door("post", "notices/seen/", "viewer", 200, outsider=200),
    Door("post", "notices/{notice}/seen/", "viewer", 200),
    Door("get", "erasures/", "compliance", 200, outsider=200),
    Door("get", "erasures/{approval}/", "compliance", 404),
    Door("get", "retention/", "compliance", 200, outsider=200),
    Door("post", "retention/", "owner", 200, outsider=200, body=RUNS_GO),
    Door("post", "retention/try/", "compliance", 200, outsider=200, body=RUNS_GO),
    Door("get", "legal-holds/", "compliance", 200, outsider=200),
    Door("post", "legal-holds/", "owner", 201, outsider=201, body=CASE_HELD),
    Door("get", "legal-holds/{approval}/", "compliance", 404),
    Door("post", "legal-holds/{approval}/lift/", "owner", 404),
    Door("get", "macros/", "support", 200, outsider=200),
    Door("post", "macros/", "admin", 201, outsider=201, body=MACRO),
    Door("get", "macros/{macro}/", "support", 200),
    Door("put", "macros/{macro}/", "admin", 200, also="support", body={**MACRO, "version": 1}),
    Door("delete", "macros/{macro}/", "admin", 204, also="support"),
    Door("post", "macros/{macro}/run/", "support", 200, body={"conversation_id": "{conversation}"}),
    Door("get", "surveys/", "support", 200, outsider=200),
    Door("get", "surveys/{survey}/", "support", 200),
    Door("get", "suggested-replies/", "support", 200, outsider=200),
    Door("get", "suggested-replies/{suggestion}/", "support", 200),
    Door("post", "suggested-replies/{suggestion}/send/", "support", 200),
    Door("post", "suggested-replies/{suggestion}/drop/", "support", 200),
    Door("post", "conversations/{conversation}/snooze/", "support", 200, body={"until": None}),
    Door("post", "conversations/{conversation}/priority/", "support", 200, body={"priority": 3}),
    Door("post", "conversations/{conversation}/team/", "admin", 200, also="support", body={"team_id": None}),
    Door("get", "triage-rules/", "admin", 200, outsider=200),
    Door(
        "post",
        "triage-rules/",
        "admin",
        201,
        outsider=400,
        body={"name": "Returns", "condition": 'intent == "returns"', "team_id": "{team}"},
    ),
    Door("get", "triage-rules/{rule}/", "admin", 200),
    Door(
        "put",
        "triage-rules/{rule}/",
        "admin",
        200,
        body={"name": "Money", "team_id": None, "priority": 3, "version": 1},
    ),
    Door("delete", "triage-rules/{rule}/", "admin", 204),
    Door("post", "triage-rules/{rule}/move/", "admin", 200, body={"up": True}),
    Door("post", "triage-rules/{rule}/try/", "admin", 200),
    Door("get", "custom-fields/", "viewer", 200, outsider=200),
    Door("post", "custom-fields/", "admin", 201, outsider=201, body=OWN_FIELD),
    Door("get", "custom-fields/{field}/", "viewer", 200),
    Door("put", "custom-fields/{field}/", "admin", 200, body={"name": "Sent", "version": 1}),
    Door("delete", "custom-fields/{field}/", "admin", 204),
    Door("post", f"{STAFF}custom-fields/", "support", 200, body={"values": {"order": "7"}}),
    Door("post", "contacts/{contact}/custom-fields/", "support", 200, body={"values": {"town": "Bonn"}}),
    Door("get", "tags/", "viewer", 200, outsider=200),
    Door("post", "tags/", "admin", 201, outsider=201, body={"name": "Night", "colour": "info"}),
    Door("get", "tags/{tag}/", "viewer", 200),
    Door("put", "tags/{tag}/", "admin", 200, body={"name": "Sent back", "colour": "warn", "version": 1}),
    Door("delete", "tags/{tag}/", "admin", 204),
    Door("post", "tags/{tag}/merge/", "admin", 200, body={"into_id": "{other_tag}", "version": 1}),
    Door(
        "post",
        "conversations/bulk/",
        "support",
        200,
        outsider=200,
        body={"ids": [str(UUID(int=7))], "change": "priority", "priority": 3},
    ),
    Door("get", f"{STAFF}notes/", "viewer", 200),
    Door("post", f"{STAFF}notes/", "support", 201, body={"text": "Ann is in the room"}),
    Door("put", f"{STAFF}notes/{{note}}/", "support", 200, body={"text": "Ann is out"}),
    Door("get", f"{STAFF}draft/", "support", 404),
    Door("put", f"{STAFF}draft/", "support", 200, body={"text": "Hello"}),
    Door("delete", f"{STAFF}draft/", "support", 204, outsider=204),
    Door("post", f"{STAFF}conversation-tags/", "support", 200, body={"add": []}),
    Door("get", "canned-replies/", "support", 200, outsider=200),
    Door("post", "canned-replies/", "admin", 201, outsider=201, body=CANNED),
    Door("get", "canned-replies/{canned}/", "support", 200),
    Door("put", "canned-replies/{canned}/", "admin", 200, body={**CANNED, "version": 1}),
    Door("delete", "canned-replies/{canned}/", "admin", 204),
    Door("post", "canned-replies/{canned}/files/", "admin", 400, outsider=400),
    Door("get", "canned-replies/{canned}/files/{canned_file}/", "support", 200),
    Door("delete", "canned-replies/{canned}/files/{canned_file}/", "admin", 204),
    Door("post", "canned-replies/{canned}/preview/", "support", 200, body={"conversation_id": "{conversation}"}),
    Door("get", "teams/", "viewer", 200, outsider=200),
    Door("post", "teams/", "admin", 201, outsider=201, body=TEAM),
    Door("get", "teams/{team}/", "viewer", 200),
    Door("put", "teams/{team}/", "admin", 200, body={**TEAM, "version": 1}),
    Door("delete", "teams/{team}/", "admin", 204),
    Door("get", "teams/{team}/messages/", "admin", 200),
    Door("post", "teams/{team}/messages/", "admin", 201, body={"text": "Standup at ten"}),
    Door("put", "teams/{team}/messages/{team_message}/", "owner", 200, body={"text": "At noon"}),
    Door("post", "teams/{team}/messages/read/", "admin", 200, body={"seq": 1}),
    Door("get", "availability/", "viewer", 200, outsider=200),
    Door("post", "availability/", "support", 200, outsider=200, body={"state": "online"}),
    Door("get", "templates/", "support", 200, outsider=200),
    Door("get", "templates/{template}/", "support", 200),
    Door("get", "channel-accounts/", "support", 200, outsider=200),
    Door("get", "channel-accounts/{account}/", "support", 200),
    Door("get", "channel-accounts/{account}/health/", "support", 200),
    Door("get", "channel-accounts/{account}/exchanges/", "support", 200),
    Door("post", "channel-accounts/{account}/test/", "admin", 400, body={"to": "ana@new.example"}),
    Door("post", "channel-accounts/{account}/verify-sample/", "admin", 400, body={"signature": "x"}),
    Door("post", "channel-accounts/{account}/pause/", "admin", 200, body={"reason": "Wrong answers."}),
    Door("get", "channel-accounts/{account}/webhooks/", "support", 200),
    Door("post", "channel-accounts/{account}/webhooks/test/", "admin", 404),
    Door("post", "channel-accounts/{account}/webhooks/pause/", "admin", 404),
    Door("post", "channel-accounts/{account}/webhooks/resume/", "admin", 404),
    Door("post", "channel-accounts/{account}/webhooks/{approval}/replay/", "admin", 404),
    Door("get", "collections/", "viewer", 200, outsider=200),
    Door("post", "collections/", "admin", 201, outsider=201, body=SHELF),
    Door("get", "collections/{collection}/", "viewer", 200),
    Door("patch", "collections/{collection}/", "admin", 200, body={"description": "Help"}),
    Door("delete", "collections/{collection}/", "admin", 409),
    Door("get", "documents/", "viewer", 200, outsider=200),
    Door("post", "documents/", "admin", 201, body=ARTICLE),
    Door("get", "documents/{document}/", "viewer", 200),
    Door("patch", "documents/{document}/", "admin", 200, body={"title": "Sending back"}),
    Door("delete", "documents/{document}/", "admin", 204),
    Door("post", "documents/upload/", "admin", 415, outsider=415),
    Door("get", "sites/", "viewer", 200, outsider=200),
    Door("post", "sites/", "admin", 201, body=SITE),
    Door("get", "sites/{site}/", "viewer", 200),
    Door("patch", "sites/{site}/", "admin", 200, body={"every_hours": 24}),
    Door("post", "sites/{site}/refresh/", "admin", 200),
    Door("delete", "sites/{site}/", "admin", 204),
    Door("get", "open-questions/", "viewer", 200, outsider=200),
    Door("get", "open-questions/{question}/", "viewer", 200),
    Door("post", "open-questions/{question}/answer/", "admin", 200, body=ARTICLE),
    Door("post", "open-questions/{question}/add-to-article/", "admin", 200, body=ADDED),
    Door("post", "open-questions/{question}/dismiss/", "admin", 200),
    Door("post", "knowledge/search/", "viewer", 200, outsider=200, body={"question": "returns"}),
    Door("get", "agents/", "viewer", 200, outsider=200),
    Door("get", "agents/{agent}/", "viewer", 200),
    Door("post", "agents/", "admin", 201, outsider=201, body={"name": "Own", "type": "seo"}),
    Door("get", "agents/{agent}/draft/", "viewer", 200),
    Door("get", "agents/{agent}/versions/", "viewer", 200),
    Door("get", "agents/{agent}/history/", "viewer", 200),
    Door("get", "agents/{agent}/export/", "viewer", 200),
    Door(
        "post",
        "agents/import/",
        "admin",
        201,
        outsider=201,
        body={"format": "walker.agent/1", "name": "Own", "type": "seo"},
    ),
    Door("post", "agents/{agent}/activate/", "admin", 200),
    Door("post", "agents/{agent}/activate-again/", "admin", 409),
    Door("delete", "agents/{agent}/draft/", "admin", 204),
    Door("post", "agents/{agent}/roll-back/", "admin", 409, body={"version": 1}),
    Door("post", "agents/{agent}/copy/", "admin", 201, body={"name": "Copy"}),
    Door("post", "agents/{agent}/retire/", "admin", 200),
    Door("post", "agents/{agent}/restore/", "admin", 200),
    Door("get", "answer-rules/", "viewer", 200, outsider=200),
    Door(
        "post",
        "answer-rules/",
        "admin",
        201,
        outsider=400,
        body={"name": "Mail", "condition": 'language == "de"', "agent_id": "{agent}"},
    ),
    Door("get", "answer-rules/state/", "viewer", 200, outsider=200),
    Door("get", "answer-rules/{answer_rule}/", "viewer", 200),
    Door(
        "put",
        "answer-rules/{answer_rule}/",
        "admin",
        200,
        body={"name": "Website", "is_active": True, "version": 1},
    ),
    Door("delete", "answer-rules/{answer_rule}/", "admin", 204),
    Door("post", "answer-rules/{answer_rule}/move/", "admin", 200, body={"up": True}),
    Door("post", "answer-rules/{answer_rule}/try/", "admin", 200),
    Door("get", "eval-cases/", "admin", 200, outsider=200),
    Door("post", "eval-cases/", "admin", 201, body={"agent_id": "{agent}", **CASE}),
    Door("get", "eval-cases/{case}/", "admin", 200),
    Door("put", "eval-cases/{case}/", "admin", 200, body=CASE),
    Door("delete", "eval-cases/{case}/", "admin", 204),
    Door("get", "eval-runs/", "admin", 200, outsider=200),
    Door("post", "eval-runs/", "admin", 409, body={"agent_id": "{agent}", "kind": "replay"}),
    Door("get", "eval-runs/{check}/", "admin", 200),
    Door("get", "trials/", "admin", 200, outsider=200),
    Door("post", "trials/", "admin", 201, body=ATTEMPT),
    Door("get", "trials/{trial}/", "admin", 200),
    Door("post", "trials/{trial}/say/", "admin", 409, body={"text": "And then?"}),
    Door("delete", "trials/{trial}/", "admin", 204),
    Door("get", "model-routes/", "admin", 200, outsider=200),
    Door("post", "model-routes/", "admin", 201, outsider=201, body=ROUTE),
    Door("get", "model-routes/{route}/", "admin", 200),
    Door("patch", "model-routes/{route}/", "admin", 200, body={"tier": "strong", "version": 1}),
    Door("post", "model-routes/{route}/activate/", "admin", 200),
    Door("post", "model-routes/{route}/deactivate/", "admin", 200),
    Door("post", "model-routes/{route}/test/", "admin", 200),
    Door("delete", "model-routes/{route}/", "admin", 204),
    Door("get", "flow-servers/", "admin", 200, outsider=200),
    Door("post", "flow-servers/", "admin", 201, outsider=201, body=LANGFLOW),
    Door("get", "flow-servers/{server}/", "admin", 200),
    Door("post", "flow-servers/{server}/test/", "admin", 503),
    Door("delete", "flow-servers/{server}/", "admin", 204),
    Door("get", "budgets/", "admin", 200, outsider=200),
    Door("post", "budgets/", "admin", 201, outsider=201, body=SPENDING),
    Door("get", "budgets/{budget}/", "admin", 200),
    Door("patch", "budgets/{budget}/", "admin", 200, body={**LESS, "version": 1}),
    Door("delete", "budgets/{budget}/", "admin", 204),
    Door("get", "usage/", "admin", 200, outsider=200),
    Door("get", "alert-rules/", "admin", 200, outsider=200),
    Door("get", "alert-rules/{approval}/", "admin", 404),
    Door("get", "alert-rules/{approval}/alerts/", "admin", 404),
    Door("post", "alert-rules/{approval}/silence/", "admin", 400, outsider=400),
    Door("post", "alert-rules/{approval}/try/", "admin", 404, body={"days": 7}),
    Door("post", "alerts/{approval}/acknowledge/", "admin", 404),
    Door("get", "exports/", "compliance", 200, outsider=200),
    Door("get", "exports/{approval}/", "compliance", 404),
    Door("post", "exports/contact/", "compliance", 201, body={**WHY, "contact_id": "{contact}"}),
    Door("post", "exports/member/", "compliance", 404, body={**WHY, "membership_id": "{contact}"}),
    Door("post", "exports/{approval}/cancel/", "compliance", 404),
    # A key decides nothing: that takes a second person who is signed in.
    Door("post", "exports/{approval}/grant/", "compliance", 403, outsider=403, body=WHY),
    Door("post", "exports/{approval}/refuse/", "compliance", 403, outsider=403, body=WHY),
    Door("get", "roles/", "compliance", 200, outsider=200),
    # A key changes no role: that takes a person who has just signed in.
    Door("post", "roles/", "admin", 403, outsider=403, body=NIGHT),
    Door("get", "roles/{role}/", "compliance", 200),
    Door("patch", "roles/{role}/", "admin", 403, body={"name": "Late", "version": 1}),
    Door("delete", "roles/{role}/", "admin", 403),
    Door("post", "roles/{role}/preview/", "admin", 200, body={"sees": "teams"}),
    Door("get", "shares/", "admin", 200, outsider=200),
    Door("post", "shares/", "admin", 201, body=SHARE),
    Door("get", "shares/mine/", "support", 200, outsider=200),
    Door("delete", "shares/{approval}/", "admin", 404),
    Door("post", "members/{approval}/team-scope/", "admin", 404, body={"own_teams_only": True}),
    Door("get", "exports/{approval}/file/", "compliance", 404),
    Door("get", "person-requests/", "compliance", 200, outsider=200),
    Door("post", "person-requests/", "compliance", 201, body=ASKED),
    Door("get", "person-requests/{approval}/", "compliance", 404),
    Door("post", "person-requests/{approval}/assign/", "compliance", 404, outsider=400, body=HANDLER),
    Door("post", "person-requests/{approval}/extend/", "compliance", 404, body=WHY),
    Door("post", "person-requests/{approval}/close/", "compliance", 404, body=ANSWERED),
    Door("get", "export-schedules/", "compliance", 200, outsider=200),
    Door("get", "export-schedules/{approval}/", "compliance", 404),
    Door("get", "figures/", "support", 200, outsider=200),
    Door("get", "figures/requests/", "compliance", 200, outsider=200),
    Door("get", "agent-runs/", "support", 200, outsider=200),
    Door("get", "agent-runs/{run}/", "support", 200),
    Door("get", "agent-runs/{run}/why/", "support", 200),
    Door("get", "tool-calls/", "support", 200, outsider=200),
    Door("get", "tool-calls/{call}/", "support", 200),
    Door("post", "reveals/", "compliance", 201, body=REVEAL),
    Door("get", "connections/", "compliance", 200, outsider=200),
    Door("post", "connections/", "admin", 404, body=NO_SYSTEM),
    Door("get", "connections/{connection}/", "compliance", 200),
    Door("post", "connections/{connection}/test/", "admin", 200),
    Door("post", "connections/{connection}/rotate/", "admin", 400, body=NO_SECRET),
    Door("post", "connections/{connection}/reconnect/", "admin", 400, body=NO_SECRET),
    Door("post", "connections/{connection}/disconnect/", "admin", 200),
    Door("post", "connections/{connection}/rename/", "admin", 200, body={"name": "Shop"}),
    Door("post", "connections/{connection}/make-default/", "admin", 200),
    Door("post", "connections/{connection}/choose/", "admin", 409, body={"external_id": "1"}),
    Door("post", "connections/{connection}/pause/", "admin", 200, body=WHY),
    Door("post", "connections/{connection}/resume/", "admin", 409, body=WHY),
    Door("get", "provider-calls/", "compliance", 200, outsider=200),
    Door("get", "webhook-endpoints/", "compliance", 200, outsider=200),
    Door("post", "webhook-endpoints/", "admin", 201, outsider=201, body=HOOK),
    Door("get", "webhook-endpoints/{endpoint}/", "compliance", 200),
    Door("put", "webhook-endpoints/{endpoint}/", "admin", 200, body={**HOOK, "version": 1}),
    Door("delete", "webhook-endpoints/{endpoint}/", "admin", 204),
    Door("post", "webhook-endpoints/{endpoint}/rotate/", "admin", 200),
    Door("post", "webhook-endpoints/{endpoint}/test/", "admin", 201),
    Door("post", "webhook-endpoints/{endpoint}/pause/", "admin", 200),
    Door("post", "webhook-endpoints/{endpoint}/resume/", "admin", 200),
    Door("post", "webhook-endpoints/{endpoint}/resend/", "admin", 200, body=LATELY),
    Door("get", "webhook-endpoints/{endpoint}/deliveries/", "compliance", 200),
    Door("get", "webhook-endpoints/{endpoint}/deliveries/{webhook}/", "compliance", 200),
    Door("post", "webhook-endpoints/{endpoint}/deliveries/{webhook}/resend/", "admin", 200),
    Door("get", "audit-destinations/", "compliance", 200, outsider=200),
    Door("post", "audit-destinations/", "admin", 201, outsider=201, body=SECURITY),
    Door("get", "audit-destinations/{destination}/", "compliance", 200),
    Door("put", "audit-destinations/{destination}/", "admin", 200, body={**SECURITY, "version": 1}),
    Door("delete", "audit-destinations/{destination}/", "admin", 204),
    Door("post", "audit-destinations/{destination}/test/", "admin", 503),
    Door("post", "audit-destinations/{destination}/pause/", "admin", 200),
    Door("post", "audit-destinations/{destination}/resume/", "admin", 200),
    Door("get", "audit/", "compliance", 200, outsider=200),
    Door("get", "audit/verify/", "compliance", 200, outsider=200),
    Door("get", "stream/", "viewer", 200, outsider=200),
]


def _insider(office: Office, door: Door) -> None:
    assert door.ask(office.caller(door.insider), office).status_code == door.status


def _colleague(office: Office, door: Door) -> None:
    for role in door.colleagues(office):
        answer = door.ask(office.caller(role), office)
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed"), role


def _outsider(office: Office, door: Door) -> None:
    """They get what is absent or their own."""
    answer = door.ask(office.outsider(), office)
    assert answer.status_code == door.outsider
    text = answer.getvalue().decode()
    assert not [ref for ref in office.ids.values() if str(ref) in text and door.method == "get"]


def _stranger(office: Office, door: Door) -> None:
    answer = door.ask(Caller("wk_nobody"), office)
    assert (answer.status_code, answer.json()["code"]) == (401, "bad_key")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


VISITS = {
    "insider with the right": _insider,
    "colleague without it": _colleague,
    "outsider": _outsider,
    "stranger": _stranger,
}


@pytest.mark.parametrize("door", DOORS, ids=str)
def test_door_opens_to_those_who_may_and_to_nobody_else(office: Office, redis_client: Redis, door: Door) -> None:
    def visit(who: str) -> None:
        """Find everything as at first: what a visit leaves is rolled back, or forgotten."""
        savepoint = transaction.atomic()
        savepoint._from_testcase = True  # type: ignore[attr-defined]  # as around each test: a durable block may stand inside it
        try:
            with savepoint:
                VISITS[who](deepcopy(office), door)
                connection.check_constraints()
                transaction.set_rollback(True)
        finally:
            forget_keys(redis_client)

    check_rows(VISITS, visit, named=lambda who: f"{door} by {who}")


@pytest.mark.slow
@pytest.mark.parametrize("ended", ["expires_at", "revoked_at"])
def test_key_that_has_ended_opens_nothing(office: Office, ended: str) -> None:
    caller = office.caller("owner")
    with tenant_scope(office.world.acme.pk):
        ApiKey.objects.update(**{ended: now() - timedelta(seconds=1)})
    answers = {str(door): door.ask(caller, office) for door in DOORS}
    assert {(answer.status_code, answer.json()["code"]) for answer in answers.values()} == {(401, "bad_key")}


@pytest.mark.slow
def test_key_without_a_scope_opens_nothing(office: Office) -> None:
    caller = office.caller("owner")
    with tenant_scope(office.world.acme.pk):
        ApiKey.objects.update(scopes=[])
    answers = {str(door): door.ask(caller, office).status_code for door in DOORS}
    # The lists of addresses and of types of events say nothing of anybody.
    assert {name for name, status in answers.items() if status != 403} == {"get ", "get event-types/"}


# Where one signs in: open to everybody.
OPEN = {f"auth/{name}/" for name in ("login", "refresh", "logout", "register", "verify-email")}


def test_every_route_stands_in_this_list() -> None:
    routes = {str(entry.pattern) for entry in get_resolver("config.api").url_patterns}
    shapes = {_shape(route.removeprefix(V1[1:])) for route in routes if route.startswith(V1[1:])}
    assert shapes - OPEN == {_shape(door.path).replace("figures/requests/", "figures/*/") for door in DOORS}


def _shape(path: str) -> str:
    parts = ["*" if part.startswith(("<", "{")) else part for part in path.split("/")]
    return "/".join(parts)


def test_request_without_a_key_is_not_signed_in(client: Client, office: Office) -> None:
    answer = client.get(f"{V1}approvals/")
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
