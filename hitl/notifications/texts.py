"""Texts of notifications that an organisation writes itself, version by version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction

from accounts.models import Tenant
from accounts.selectors import tenant_zone
from accounts.versioning import check_version
from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.db.locks import advisory_lock
from core.errors import Invalid
from core.observability.logging import get_logger
from core.privacy.pii import mask_text
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

log = get_logger(__name__)
MANAGE: Final = "hitl.manage_workflow"
OBJECT: Final = "hitl.notificationtemplate"
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
    now: datetime | None = None,
) -> NotificationTemplate:
    """Save the organisation's own text of a message in a language.

    Who may: holders of `hitl.manage_workflow`. `language` "" is for every language without its own text.
    `seen_version` is the newest version of any text the change is based on, 0 for none. Raises Refused, Invalid with
    the fields, and Conflict (`stale_version`). Audited. Announces nothing.
    """
    actor.require(MANAGE)
    subject, body = clean_text(subject, SUBJECT_LIMIT + 1), clean_text(body, BODY_LIMIT + 1)
    _check(template, language)
    wrong = {
        name: problems
        for name, text, most in (("subject", subject, SUBJECT_LIMIT), ("body", body, BODY_LIMIT))
        if (problems := _text_problems(text, template, most))
    }
    if wrong:
        raise Invalid("This text can't be used.", fields=wrong)
    return _save(actor, template, language, subject, body, reason, seen_version, now)


def reset_notification_template(
    *,
    actor: Actor,
    template: str,
    language: str = "",
    reason: str = "",
    seen_version: int | None = None,
    now: datetime | None = None,
) -> NotificationTemplate:
    """Put the built-in text of a message back, as a new version.

    The older ones are kept. Who may: holders of `hitl.manage_workflow`. Raises Refused, Invalid, Conflict
    (`stale_version`). Audited. Announces nothing.
    """
    actor.require(MANAGE)
    _check(template, language)
    return _save(actor, template, language, "", "", reason, seen_version, now)


def _check(template: str, language: str) -> None:
    wrong = {}
    if template not in TITLES:
        wrong["template"] = ["There is no such message."]
    if language and not LANGUAGE.fullmatch(language):
        wrong["language"] = ["Enter a language tag such as de or pt-BR, or leave it empty for every language."]
    if wrong:
        raise Invalid("This text can't be used.", fields=wrong)


def _text_problems(text: str, template: str, most: int) -> list[str]:
    if not text.strip():
        return ["Enter a text. To use the built-in one, reset it."]
    if len(text) > most:
        return [f"Use at most {most} characters."]
    return problems_of(text, template)


def _save(
    actor: Actor,
    template: str,
    language: str,
    subject: str,
    body: str,
    reason: str,
    seen: int | None,
    now: datetime | None,
) -> NotificationTemplate:
    with transaction.atomic():
        advisory_lock("notification templates")
        last = NotificationTemplate.objects.order_by("-version").first()
        if last is not None:
            check_version(actor, OBJECT, last, seen)
        row: NotificationTemplate = NotificationTemplate.objects.create(
            template=template,
            language=language,
            version=last.version + 1 if last else 1,
            subject=subject,
            body=body,
            reason=clean_text(reason, 300),
            made_by_id=actor.user_id,
            created_at=now or clock_now(),
        )
        chain.record(
            actor=actor,
            action="NOTIFICATION_TEMPLATE_SET" if subject else "NOTIFICATION_TEMPLATE_RESET",
            object_type=OBJECT,
            object_id=row.pk,
            facts={"template": template, "language": language, "version": row.version},
        )
    return row


def newest_version() -> int:
    """Return the newest version of any text, 0 for none. One query."""
    return NotificationTemplate.objects.order_by("-version").values_list("version", flat=True).first() or 0


def own_text(*, template: str, approval: Approval, person_id: UUID) -> OwnText | None:
    """Return the organisation's text of a message, or None for the built-in one.

    In the language of the person. For notifiers, in the tenant's scope. If a text can't be filled in, that is logged
    and the built-in one is used: no message is lost by it.
    """
    try:
        with transaction.atomic():  # a failing statement must not spoil the caller's transaction
            row = _find(template, person_id)
            if row is None or not row.subject:
                return None
            values = values_of(approval, template)
            found = OwnText(fill_in(row.subject, values).strip(), fill_in(row.body, values).strip())
            return found if found.subject and found.body else None
    except Exception as error:  # boundary: no fault of a text may cost a message
        log.exception("notification_text_failed", template=template, error=type(error).__name__)
        return None


def _find(template: str, person_id: UUID) -> NotificationTemplate | None:
    language = NotificationPreference.objects.filter(person_id=person_id).values_list("language", flat=True).first()
    tags = languages_to_try(language or "")
    rows = NotificationTemplate.objects.filter(template=template, language__in=tags)
    newest = {row.language: row for row in rows.order_by("language", "-version").distinct("language")}
    # A language whose text was reset is looked up further, down to the organisation's text for every language.
    return next((newest[tag] for tag in tags if tag in newest and newest[tag].subject), None)


def values_of(approval: Approval, template: str) -> Mapping[str, str]:
    """Return the values of a message's variables, masked."""
    due = (approval.sla_due_at or approval.expires_at).astimezone(tenant_zone())
    values = {
        "reference": approval.reference,
        "headline": mask_text(str(approval.preview.get("headline") or approval.summary))[:HEADLINE_LIMIT],
        "risk": RISKS.get(approval.risk_level, approval.risk_level),
        "due": f"{due:%d %B %Y, %H:%M %Z}",
        "organisation": Tenant.objects.only("name").get(pk=current_tenant_id()).name,
    }
    return {name: values[name] for name in variables_of(template)}


def preview_values(*, viewer: Actor, template: str) -> Mapping[str, str]:
    """Return values for a preview: of the newest request, or of a sample.

    Needs `hitl.manage_workflow`.
    """
    viewer.require(MANAGE)
    newest = Approval.objects.order_by("-id").first()
    if newest is not None:
        return values_of(newest, template)
    name = Tenant.objects.only("name").get(pk=current_tenant_id()).name
    values = {**SAMPLE, "due": f"{clock_now():%d %B %Y, %H:%M %Z}", "organisation": name}
    return {key: values[key] for key in variables_of(template)}
