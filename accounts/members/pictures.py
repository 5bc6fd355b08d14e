"""Pictures of members: given by themselves, redrawn by us, and shown to the customers they answer."""

import base64
import secrets
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from accounts.members.profile import USE, own_membership
from accounts.models import MemberPicture, Membership
from accounts.permissions.role_limits import MANAGE, refuse_higher_role
from core.actors import Actor
from core.audit import chain
from core.db.locks import locked
from core.errors import Conflict, Invalid, NotFound
from core.files.kinds import WHY, BadFile, kind_of
from core.files.pictures import draw_preview
from core.tenancy import lookups
from core.tenancy.scope import tenant_scope

SIDE: Final = 128
"""Pixels: twice what a chat shows, for screens with fine ones."""
LARGEST: Final = 2 * 1024 * 1024
KINDS: Final = ("image/png", "image/jpeg", "image/webp")


def save_picture(*, actor: Actor, picture: Any) -> Membership:
    """Keep an uploaded file as the actor's own picture in the tenant in scope, under a new address.

    A square is drawn from it, so that nothing but pixels is kept. Needs `accounts.use_profile`. Raises `Refused`,
    `Unavailable`, and `Invalid` with the field for what isn't a picture we take. Writes `PICTURE_SAVED`.
    """
    own_membership(actor)  # first: nobody draws for those who may not
    drawn = draw_upload(picture, field="picture", side=SIDE, is_square=True)
    with transaction.atomic():
        membership = own_membership(actor, is_locked=True)
        kept = {"content": base64.b64encode(drawn).decode()}
        MemberPicture.objects.update_or_create(membership=membership, defaults=kept)
        membership.picture_key = secrets.token_urlsafe(32)
        membership.save(update_fields=["picture_key"])
        chain.note(actor, "PICTURE_SAVED", membership)
    return membership


def remove_picture(*, actor: Actor, membership_id: UUID) -> None:
    """Remove a member's picture; its address leads nowhere from then on.

    One's own needs `accounts.use_profile`, a colleague's `accounts.manage_membership` and a role that isn't below
    theirs. Raises `Refused`, `NotFound` and `Conflict` ("no_picture"). Writes `PICTURE_REMOVED`.
    """
    with transaction.atomic():
        membership = locked(Membership, membership_id)
        is_own = membership.user_id == actor.user_id
        actor.require(USE if is_own else MANAGE)
        if not is_own:
            refuse_higher_role(actor, membership.role)
        if not membership.picture_key:
            raise Conflict("There is no picture.", code="no_picture")
        MemberPicture.objects.filter(membership=membership).delete()
        membership.picture_key = ""
        membership.save(update_fields=["picture_key"])
        chain.note(actor, "PICTURE_REMOVED", membership)


def read_picture(key: str) -> bytes | None:
    """Return the picture at an address, None where there is none. Open to all; works outside a tenant's scope."""
    for row in lookups.find("member_picture", key) if key.isprintable() else ():
        with tenant_scope(row["tenant_id"]):
            picture = MemberPicture.objects.filter(membership_id=row["id"]).first()
            return base64.b64decode(picture.content) if picture else None
    return None


def draw_upload(picture: Any, *, field: str, side: int, is_square: bool = False) -> bytes:
    """Return a small picture drawn from the file in a field, so that nothing but pixels is kept.

    Raises `Invalid` with the field for what isn't a picture that we take, and `Unavailable`.
    """
    if (picture.size or 0) > LARGEST:
        raise _refused(field, "The picture is too large: at most 2 MB.", "too_large")
    content = picture.read()
    try:
        kind = kind_of(content).content_type
        if kind not in KINDS:
            raise _refused(field, "This isn't a PNG, JPEG or WebP picture.", "kind_refused")
        return draw_preview(content, kind, side=side, is_square=is_square)
    except BadFile as bad:
        raise _refused(field, f"The file {WHY[bad.reason]}.", bad.reason) from None
    except NotFound:
        raise _refused(field, "This picture can't be drawn. Save it again as PNG or JPEG.", "damaged") from None


def _refused(field: str, words: str, code: str) -> Invalid:
    return Invalid(words, code=code, fields={field: [words]})
