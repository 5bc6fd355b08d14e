"""Where sessions are kept: in Django's table, but the table neither tells a key nor takes another one's content."""

from typing import Any, Final

from asgiref.sync import sync_to_async
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.models import Session

from core.privacy.encryption import digest_of_secret

_LENGTH: Final = 40  # of Django's column


def stored_key(digest: str) -> str:
    """Return the key of a session's row, from the digest of the key that its browser has."""
    return digest[:_LENGTH]


def content_of(row: Session) -> dict[str, Any]:
    """Return what a stored session holds; nothing if somebody copied it there from another one."""
    store = SessionStore()
    store.row_key = row.pk
    content: dict[str, Any] = store.decode(row.session_data)
    return content


class SessionStore(DatabaseStore):
    """Keeps each session under a digest of its key, and signs its content for that row alone.

    Else everybody who reads the table, or a copy of it, had the cookies of all who are signed in, and who writes it
    could become any of them.
    """

    row_key = ""

    @property
    def key_salt(self) -> str:
        """What the content is signed with besides SECRET_KEY."""
        return f"walker.session.{self.row_key or self._row_key(self.session_key)}"

    @staticmethod
    def _row_key(session_key: str | None) -> str:
        return stored_key(digest_of_secret(session_key or ""))

    def load(self) -> dict[str, Any]:
        """Return the content, empty for an unknown key, which is then forgotten."""
        stored: Any = DatabaseStore(self._row_key(self.session_key))
        row = stored._get_session_from_db() if self.session_key else None
        if row is None:
            self._session_key = None
            return {}
        return content_of(row)

    def exists(self, session_key: str) -> bool:
        return super().exists(self._row_key(session_key))

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        row = super().create_model_instance(data)
        row.pk = self._row_key(self.session_key)
        return row

    def delete(self, session_key: str | None = None) -> None:
        if key := session_key or self.session_key:
            super().delete(self._row_key(key))

    async def aload(self) -> dict[str, Any]:
        return await sync_to_async(self.load)()

    async def aexists(self, session_key: str) -> bool:
        return await sync_to_async(self.exists)(session_key)

    async def acreate_model_instance(self, data: dict[str, Any]) -> Any:
        return await sync_to_async(self.create_model_instance)(data)

    async def adelete(self, session_key: str | None = None) -> None:
        await sync_to_async(self.delete)(session_key)
