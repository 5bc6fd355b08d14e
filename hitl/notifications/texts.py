"""Texts of notifications that an organisation writes itself, version by version."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Subquery

from accounts.models import Membership, Tenant
from accounts.selectors import tenant_zone, zone_of
from core.actors import Actor
from core.clock import now as clock_now
from core.errors import Invalid
from core.observability.logging import get_logger
from core.tenancy.scope import current_tenant_id
from core.text.clean import clean_text
from hitl.domain.message_texts import (
    BODY_LIMIT,
    LANGUAGE,
    SUBJECT_LIMIT,
    fill_in,
    languages_to_try,
    problems_of,
    variables_of,
)
from hitl.models import Approval, NotificationPreference, NotificationTemplate
from hitl.notification_channels import TITLES
from hitl.policy.versions import save_version

log = get_logger(__name__)
MANAGE: Final = "hitl.manage_workflow"
RISKS: Final = {"low": "Low risk", "medium": "Medium risk", "high": "High risk", "critical": "Critical risk"}
HEADLINE_LIMIT: Final = 200
SAMPLE: Final = {
    "reference": "BR-1042",
    "headline": "Message 12 people in “VIP customers”",
    "risk": "Medium risk",
}


@dataclass(frozen=True, slots=True)
class OwnText:
    """A subject and a text, filled in."""

    subject: str
    body: str


def set_notification_template(
    *,
    actor: Actor,
    template: str,
    subject: str,
    body: str,
    language: str = "",
    reason: str = "",
    seen_version: int | None = None,
) -> NotificationTemplate:
    """Save the organisation's own text of a message in a language.

    Who may: holders of `hitl.manage_workflow`. `language` "" is for every language without its own text.
    `seen_version` is the newest version of any text the change is based on, 0 for none. Raises Refused, Invalid with
    the fields, and Conflict (`stale_version`). Audited. Announces nothing.
    """
    actor.require(MANAGE)
    subject, body = clean_text(subject, SUBJECT_LIMIT + 1), clean_text(body, BODY_LIMIT + 1)
    _check(template, language)
    wrong = {}
    for name, text, most in (("subject", subject, SUBJECT_LIMIT), ("body", body, BODY_LIMIT)):
        if not text.strip():
            wrong[name] = ["Enter a text. To use the built-in one, reset it."]
        elif len(text) > most:
            wrong[name] = [f"Use at most {most} characters."]
        elif problems := problems_of(text, template):
            wrong[name] = problems
    if wrong:
        raise Invalid("This text can't be used.", fields=wrong)
    return _save(actor, template, language, reason, seen_version, subject=subject, body=body)


def reset_notification_template(
    *, actor: Actor, template: str, language: str = "", reason: str = "", seen_version: int | None = None
) -> NotificationTemplate:
    """Put the built-in text of a message back, as a new version.

    The older ones are kept. Who may: holders of `hitl.manage_workflow`. Raises Refused, Invalid, Conflict
    (`stale_version`). Audited. Announces nothing.
    """
    actor.require(MANAGE)
    _check(template, language)
    return _save(actor, template, language, reason, seen_version)


def _check(template: str, language: str) -> None:
    wrong = {}
    if template not in TITLES:
        wrong["template"] = ["There is no such message."]
    if language and not LANGUAGE.fullmatch(language):
        wrong["language"] = ["Enter a language tag such as de or pt-BR, or leave it empty for every language."]
    if wrong:
        raise Invalid("This text can't be used.", fields=wrong)


def _save(
    actor: Actor, template: str, language: str, reason: str, seen: int | None, **texts: str
) -> NotificationTemplate:
    action = "NOTIFICATION_TEMPLATE_SET" if texts else "NOTIFICATION_TEMPLATE_RESET"
    about = {"template": template, "language": language}
    return save_version(actor, NotificationTemplate, action, reason=reason, seen=seen, told=about, **about, **texts)


def newest_version() -> int:
    """Return the newest version of any text, 0 for none. One query."""
    return NotificationTemplate.objects.order_by("-version").values_list("version", flat=True).first() or 0


def own_text(*, template: str, approval: Approval, person_id: UUID, is_shared: bool = False) -> OwnText | None:
    """Return the organisation's text of a message, or None for the built-in one.

    In the language of the person, and with times in their zone, or in the organisation's if others read it as well
    (`is_shared`). For notifiers, in the tenant's scope. If a text can't be filled in, that is logged and the built-in
    one is used: no message is lost by it.
    """
    try:
        with transaction.atomic():  # a failing statement must not spoil the caller's transaction
            chosen = Subquery(NotificationPreference.objects.filter(person_id=person_id).values("language")[:1])
            own = Membership.objects.filter(user_id=person_id).values_list(chosen, "language").first()
            tags = languages_to_try(next(filter(None, own or ()), ""))
            rows = NotificationTemplate.objects.filter(template=template, language__in=tags)
            newest = {row.language: row for row in rows.order_by("language", "-version").distinct("language")}
            # A language whose text was reset is looked up further, down to the text for every language.
            row = next((newest[tag] for tag in tags if tag in newest and newest[tag].subject), None)
            if row is None:
                return None
            zone = tenant_zone() if is_shared else zone_of(person_id)
            values = values_of(approval, template, zone)
            found = OwnText(fill_in(row.subject, values).strip(), fill_in(row.body, values).strip())
            return found if found.subject and found.body else None
    except Exception as error:  # boundary: no fault of a text may cost a message
        log.exception("notification_text_failed", template=template, error=type(error).__name__)
        return None


def values_of(approval: Approval, template: str, zone: ZoneInfo) -> Mapping[str, str]:
    """Return the values of a message's variables, masked, with times in the zone."""
    due = (approval.sla_due_at or approval.expires_at).astimezone(zone)
    values = {
        "reference": approval.reference,
        "headline": approval.masked(str(approval.preview.get("headline") or approval.summary))[:HEADLINE_LIMIT],
        "risk": RISKS.get(approval.risk_level, approval.risk_level),
        "due": f"{due:%d %B %Y, %H:%M %Z}",
        "organisation": Tenant.objects.only("name").get(pk=current_tenant_id()).name,
    }
    return {name: values[name] for name in variables_of(template)}


def preview_values(*, viewer: Actor, template: str) -> Mapping[str, str]:
    """Return the newest request's values, or samples. Needs `hitl.manage_workflow`."""
    viewer.require(MANAGE)
    newest = Approval.objects.order_by("-id").first()
    if newest is not None:
        return values_of(newest, template, tenant_zone())
    name = Tenant.objects.only("name").get(pk=current_tenant_id()).name
    values = {**SAMPLE, "due": f"{clock_now():%d %B %Y, %H:%M %Z}", "organisation": name}
    return {key: values[key] for key in variables_of(template)}
