"""Collections, their documents in versions, the passages that are searched, and what answers cited."""

from datetime import date
from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import F, Q

from conversations.models import Conversation, Message
from core.clock import now
from core.reliability.lease import Leased
from core.tenancy.models import TenantModel


class Collection(TenantModel):
    """Documents for the same people."""

    class Audience(models.TextChoices):
        """Who gets answers from it."""

        PUBLIC = "public", "Everyone"
        VERIFIED = "verified", "Proven customers and colleagues"
        MEMBERS = "members", "Colleagues only"

    name = models.CharField(max_length=80)
    description = models.CharField(max_length=300, blank=True)
    audience = models.CharField(max_length=8, choices=Audience)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "name"], name="one_collection_per_name"),
        ]

    def __str__(self) -> str:
        return self.name


class Site(Leased, TenantModel):
    """A website whose pages are fetched as documents."""

    class State(models.TextChoices):
        """How far it is."""

        WAITING = "waiting", "Waiting"
        FETCHING = "fetching", "Being fetched"
        READY = "ready", "Ready"
        FAILED = "failed", "Failed"

    collection = models.ForeignKey(Collection, on_delete=models.PROTECT, related_name="sites")
    address = models.URLField(max_length=1000)
    language = models.CharField(max_length=2, default="en", help_text="Of pages that don't say theirs.")
    every_hours = models.PositiveSmallIntegerField(default=0, help_text="0: only when somebody asks for it.")
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    trouble = models.CharField(max_length=40, blank=True)
    pages = models.PositiveIntegerField(default=0, help_text="Read so far, or by the last walk over it.")
    walk = models.JSONField(default=dict, help_text="How far the walk over it is; empty between two walks.")
    due_at = models.DateTimeField(null=True)
    fetched_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["due_at"], name="sites_to_fetch")]


class Document(TenantModel):
    """An article, a file or a page, as it is now; what it said before is in its versions."""

    class Kind(models.TextChoices):
        """Where it comes from."""

        ARTICLE = "article", "Article"
        FILE = "file", "File"
        PAGE = "page", "Web page"

    class State(models.TextChoices):
        """Whether answers use it."""

        READING = "reading", "Being read"
        READY = "ready", "Ready"
        FAILED = "failed", "Failed"
        GONE = "gone", "No longer on the site"
        DELETED = "deleted", "Deleted"

    class Language(models.TextChoices):
        """The language it is written in; it decides how words are reduced to their stems."""

        ARABIC = "ar", "Arabic"
        ARMENIAN = "hy", "Armenian"
        BASQUE = "eu", "Basque"
        CATALAN = "ca", "Catalan"
        DANISH = "da", "Danish"
        DUTCH = "nl", "Dutch"
        ENGLISH = "en", "English"
        FINNISH = "fi", "Finnish"
        FRENCH = "fr", "French"
        GERMAN = "de", "German"
        GREEK = "el", "Greek"
        HINDI = "hi", "Hindi"
        HUNGARIAN = "hu", "Hungarian"
        INDONESIAN = "id", "Indonesian"
        IRISH = "ga", "Irish"
        ITALIAN = "it", "Italian"
        LITHUANIAN = "lt", "Lithuanian"
        NEPALI = "ne", "Nepali"
        NORWEGIAN = "no", "Norwegian"
        PORTUGUESE = "pt", "Portuguese"
        ROMANIAN = "ro", "Romanian"
        RUSSIAN = "ru", "Russian"
        SERBIAN = "sr", "Serbian"
        SPANISH = "es", "Spanish"
        SWEDISH = "sv", "Swedish"
        TAMIL = "ta", "Tamil"
        TURKISH = "tr", "Turkish"
        YIDDISH = "yi", "Yiddish"
        OTHER = "xx", "Another language"

    collection = models.ForeignKey(Collection, on_delete=models.PROTECT, related_name="documents")
    kind = models.CharField(max_length=7, choices=Kind)
    state = models.CharField(max_length=7, choices=State, default=State.READING)
    title = models.CharField(max_length=200)
    language = models.CharField(
        max_length=2, choices=Language, default=Language.ENGLISH, blank=True,
        help_text="Empty while a file is being read whose text tells it.",
    )  # fmt: skip
    address = models.URLField(max_length=1000, blank=True)
    trouble = models.CharField(max_length=40, blank=True)
    site = models.ForeignKey(Site, null=True, on_delete=models.SET_NULL, related_name="documents")
    is_own = models.BooleanField(default=False, help_text="Of a file: the organisation itself wrote it.")
    file_digest = models.CharField(max_length=64, blank=True, help_text="SHA-256 of the bytes of an uploaded file.")
    version = models.PositiveIntegerField(default=0)
    passages = models.PositiveIntegerField(default=0)
    valid_from = models.DateField(
        null=True, help_text="First day, in the organisation's time zone, on which answers use it; none: at once."
    )
    valid_until = models.DateField(null=True, help_text="Last day on which answers use it; none: for good.")
    outdated = models.JSONField(default=dict, help_text="What a newer document says otherwise; empty for nothing.")
    embed_after = models.DateTimeField(
        null=True, help_text="Until then a worker makes its vectors, or the last try failed."
    )
    created_at = models.DateTimeField(default=now, editable=False)
    updated_at = models.DateTimeField(default=now)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "collection", "-updated_at"], name="documents_by_collection"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="documents_end_after_they_begin",
                condition=Q(valid_from=None) | Q(valid_until=None) | Q(valid_until__gte=F("valid_from")),
            ),
            models.UniqueConstraint(
                fields=["tenant_id", "collection", "file_digest"],
                name="one_document_per_file",
                condition=Q(file_digest__gt="", state__in=["reading", "ready"]),
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_foreign(self) -> bool:
        """Return True if others wrote it, as far as anybody knows: nothing is requested after it was read."""
        return self.kind == Document.Kind.PAGE or (self.kind == Document.Kind.FILE and not self.is_own)


class DocumentVersion(TenantModel):
    """What a document said at one time. Written once; a deleted document's text is emptied."""

    document = models.ForeignKey(Document, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    title = models.CharField(max_length=200)
    text = models.TextField(blank=True)
    digest = models.CharField(max_length=64)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "document", "number"], name="one_text_per_number"),
        ]

    def __str__(self) -> str:
        return f"version {self.number}"


class Passage(TenantModel):
    """A part of a document's current version that answers a question on its own."""

    collection = models.ForeignKey(Collection, on_delete=models.PROTECT, related_name="+")
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="parts")
    version = models.ForeignKey(DocumentVersion, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveIntegerField()
    heading = models.CharField(max_length=300, blank=True)
    text = models.TextField()
    search = SearchVectorField(help_text="Stems of its language and whole words; weight A for titles and headings.")
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "document", "number"], name="one_passage_per_number"),
        ]

    def __str__(self) -> str:
        return f"passage {self.number}"


class Term(TenantModel):
    """A word of a collection and how many passages have it: what makes a word telling, and what was misspelt."""

    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="+")
    word = models.CharField(max_length=60)
    passages = models.IntegerField(default=0)
    grams = ArrayField(models.CharField(max_length=3), help_text="Its parts of three letters.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "collection", "word"], name="one_term_per_word"),
        ]

    def __str__(self) -> str:
        return self.word


class Citation(TenantModel):
    """A source that an answer named; it outlives changes of the document."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="+")
    number = models.PositiveSmallIntegerField()
    document = models.ForeignKey(Document, on_delete=models.PROTECT, related_name="citations")
    version = models.ForeignKey(DocumentVersion, on_delete=models.PROTECT, related_name="+")
    passage_number = models.PositiveIntegerField()
    digest = models.CharField(max_length=64, help_text="SHA-256 of the passage as it was.")
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "message", "number"], name="one_citation_per_number"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["tenant_id", "document", "created_at"],
                include=["message"],
                name="citations_by_document_and_time",
            ),
        ]

    def __str__(self) -> str:
        return f"citation {self.number}"


class OpenQuestion(TenantModel):
    """A question that no document answered, masked, with how many conversations asked it."""

    class State(models.TextChoices):
        """Whether it still needs an answer."""

        OPEN = "open", "Open"
        ANSWERED = "answered", "Answered"
        DISMISSED = "dismissed", "Dismissed"

    text = models.CharField(max_length=300)
    words = ArrayField(models.CharField(max_length=60), help_text="Its telling words, by which questions are grouped.")
    state = models.CharField(max_length=9, choices=State, default=State.OPEN)
    answer = models.ForeignKey(Document, null=True, on_delete=models.PROTECT, related_name="+")
    asked = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=now, editable=False)
    last_asked_at = models.DateTimeField(default=now)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["tenant_id", "state", "-last_asked_at"], name="questions_by_state")]

    def __str__(self) -> str:
        return f"question {str(self.id)[-6:]}"


class QuestionAsked(TenantModel):
    """A conversation in which an open question was asked; erased with the person."""

    question = models.ForeignKey(OpenQuestion, on_delete=models.CASCADE, related_name="times")
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "question", "conversation"], name="one_ask_per_conversation"),
        ]


class UploadedFile(Leased, TenantModel):
    """The bytes of an uploaded file until they are read."""

    document = models.OneToOneField(Document, on_delete=models.CASCADE, related_name="file")
    kind = models.CharField(max_length=4)
    content = models.BinaryField()
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["lease_until"], name="files_to_read")]


LIVE = Q(state=Document.State.READY)


def in_force(day: date) -> Q:
    """Return the condition for documents that are answered from on a day."""
    begun = Q(valid_from=None) | Q(valid_from__lte=day)
    return LIVE & begun & (Q(valid_until=None) | Q(valid_until__gte=day))


IN_FORCE = (
    "d.state = 'ready' and coalesce(d.valid_from, %(today)s) <= %(today)s "
    "and coalesce(d.valid_until, %(today)s) >= %(today)s"
)
"""The same in SQL, of `agents_document d`."""
