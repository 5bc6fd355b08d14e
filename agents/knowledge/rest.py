"""Endpoints of knowledge: collections, documents and searches in them."""

from typing import Any, ClassVar

from django_filters import ChoiceFilter, UUIDFilter
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.fields import empty
from rest_framework.mixins import RetrieveModelMixin
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from agents.knowledge import selectors, services
from agents.knowledge.models import Collection, Document, OpenQuestion, Site
from agents.knowledge.search import questions
from agents.knowledge.search import search as searching
from agents.knowledge.sources import sites, uploads
from conversations.services import Upload
from core.rest.fields import RowSerializer
from core.rest.filters import ApiFilterSet
from core.rest.idempotency import idempotent
from core.rest.views import ApiViewSet, ListViewSet


class CollectionSerializer(RowSerializer[Collection]):
    """A collection and how many documents it holds."""

    documents = serializers.IntegerField(source="size", read_only=True, default=0)

    class Meta:
        model = Collection
        fields: ClassVar[list[str]] = "id name audience description documents created_at".split()


class NewCollection(serializers.Serializer[Any]):
    """A collection for an audience."""

    name = serializers.CharField(max_length=services.NAME_LIMIT)
    audience = serializers.ChoiceField(choices=Collection.Audience.choices)
    description = serializers.CharField(max_length=services.ABOUT_LIMIT, required=False, allow_blank=True)


class CollectionChange(serializers.Serializer[Any]):
    """What to change; what is left out stays."""

    name = serializers.CharField(max_length=services.NAME_LIMIT, required=False)
    audience = serializers.ChoiceField(choices=Collection.Audience.choices, required=False)
    description = serializers.CharField(max_length=services.ABOUT_LIMIT, required=False, allow_blank=True)


class CollectionViewSet(RetrieveModelMixin, ListViewSet):
    """Collections of documents."""

    descriptions: ClassVar = {
        "list": "List collections, newest first. Needs `agents.view_agent`.",
        "retrieve": "Read a collection. Needs `agents.view_agent`.",
    }
    permissions: ClassVar = {
        "list": selectors.VIEW,
        "retrieve": selectors.VIEW,
        "create": services.MANAGE,
        "partial_update": services.MANAGE,
        "destroy": services.MANAGE,
    }
    serializer_class = CollectionSerializer
    request_serializers: ClassVar = {"create": NewCollection, "partial_update": CollectionChange}
    lookup_url_kwarg = "collection_id"
    list_rows = staticmethod(selectors.query_collections)
    read_row = staticmethod(selectors.get_collection)

    @idempotent
    def create(self, request: Request) -> Response:
        """Create a collection. Needs `agents.manage_knowledge`."""
        return self.call_service(services.create_collection)

    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Change a collection; a new audience counts at once. Needs `agents.manage_knowledge`."""
        return self.call_service(services.change_collection)

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Delete an empty collection; 409 `not_empty` otherwise. Needs `agents.manage_knowledge`."""
        return self.call_service(services.delete_collection)


class DocumentSerializer(RowSerializer[Document]):
    """A document without its text."""

    address = serializers.CharField(read_only=True, help_text="Where customers can read it; empty for none.")

    class Meta:
        model = Document
        fields: ClassVar[list[str]] = (
            "id collection_id site_id kind is_own state title language address valid_from valid_until outdated trouble "
            "version passages created_at updated_at"
        ).split()


class DocumentDetailSerializer(DocumentSerializer):
    """A document with what it says now."""

    text = serializers.SerializerMethodField()

    class Meta(DocumentSerializer.Meta):
        fields: ClassVar[list[str]] = [*DocumentSerializer.Meta.fields, "text"]

    def get_text(self, document: Document) -> str:
        """Return the text of the current version."""
        return services.text_of(document)


class Days(serializers.Serializer[Any]):
    """The days on which a document is valid."""

    valid_from = serializers.DateField(
        required=False, allow_null=True, help_text="First day, in your time zone, on which answers use it."
    )
    valid_until = serializers.DateField(required=False, allow_null=True, help_text="Last such day.")


class NewArticle(Days):
    """An article; its text may use Markdown."""

    collection_id = serializers.UUIDField()
    title = serializers.CharField(max_length=services.TITLE_LIMIT)
    text = serializers.CharField(max_length=services.TEXT_LIMIT)
    language = serializers.ChoiceField(
        choices=Document.Language.choices, required=False, help_text="Without one, the language that the text tells."
    )
    address = serializers.CharField(max_length=services.ADDRESS_LIMIT, required=False, allow_blank=True)


class Said(serializers.BooleanField):
    """Yes, no or nothing, also in a form: one that is missing there would be a no."""

    default_empty_html = empty


class NewFile(Days):
    """A file to read."""

    collection_id = serializers.UUIDField()
    file = serializers.FileField(allow_empty_file=True, max_length=None)
    title = serializers.CharField(max_length=services.TITLE_LIMIT, required=False, allow_blank=True)
    language = serializers.ChoiceField(
        choices=Document.Language.choices, required=False, help_text="Without one, the language that the text tells."
    )
    address = serializers.CharField(max_length=services.ADDRESS_LIMIT, required=False, allow_blank=True)
    is_own = Said(
        required=False,
        help_text="Your organisation wrote it. After reading any other file, an agent requests nothing until somebody "
        "writes again.",
    )


class Seen(serializers.Serializer[Any]):
    """The version that a change was made from."""

    seen_version = serializers.IntegerField(
        required=False, min_value=1, help_text="The version you have seen; 409 `stale_version` if it is not the newest."
    )


class ArticleChange(Seen, Days):
    """What to change; what is left out stays."""

    title = serializers.CharField(max_length=services.TITLE_LIMIT, required=False)
    text = serializers.CharField(max_length=services.TEXT_LIMIT, required=False)
    language = serializers.ChoiceField(choices=Document.Language.choices, required=False)
    address = serializers.CharField(max_length=services.ADDRESS_LIMIT, required=False, allow_blank=True)


class UploadViewSet(ApiViewSet):
    """Files to read."""

    permissions: ClassVar = {"upload": services.MANAGE}
    serializer_class = DocumentSerializer
    parser_classes = (MultiPartParser,)
    largest_body = uploads.LARGEST + 1024 * 1024

    @action(detail=False, methods=["post"], request_serializer=NewFile, success_status=201)
    @idempotent
    def upload(self, request: Request) -> Response:
        """Upload a file as `multipart/form-data`; it is read in the background. Needs `agents.manage_knowledge`.

        What a file is, is decided by its bytes. 400 for one that can't be read, 413 above 20 MB, 409 `known_file` for
        one that the collection has already, with its `document_id`; where `is_own` says otherwise than before, that
        document is changed instead, with all that is sent with it. `state` and `trouble` of the document say how
        reading ended.
        """
        body = self.read_body()
        file = body.pop("file")
        given = Upload(str(file.name or ""), file.read(uploads.LARGEST + 1))
        return self.respond(uploads.upload_document(actor=self.actor, file=given, **body))


class DocumentFilters(ApiFilterSet):
    """The filters of documents."""

    collection = UUIDFilter(field_name="collection_id")
    state = ChoiceFilter(choices=Document.State.choices[:4])
    kind = ChoiceFilter(choices=Document.Kind.choices)


class DocumentViewSet(RetrieveModelMixin, ListViewSet):
    """Documents."""

    descriptions: ClassVar = {
        "list": "List documents, newest first, without their texts. Needs `agents.view_agent`.",
        "retrieve": "Read a document with its text. Needs `agents.view_agent`.",
    }
    permissions: ClassVar = {
        "list": selectors.VIEW,
        "retrieve": selectors.VIEW,
        "create": services.MANAGE,
        "partial_update": services.MANAGE,
        "destroy": services.MANAGE,
    }
    serializer_class = DocumentDetailSerializer
    request_serializers: ClassVar = {"create": NewArticle, "partial_update": ArticleChange}
    filterset_class = DocumentFilters
    lookup_url_kwarg = "document_id"
    list_rows = staticmethod(selectors.query_documents)
    read_row = staticmethod(selectors.get_document)

    def get_serializer_class(self) -> type[BaseSerializer[Any]]:
        """Return the serializer: lists leave the texts out."""
        return DocumentSerializer if self.action == "list" else DocumentDetailSerializer

    @idempotent
    def create(self, request: Request) -> Response:
        """Write an article; agents answer from it at once, or on the days that it is valid. Needs
        `agents.manage_knowledge`."""
        return self.call_service(services.write_article)

    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Change an article: a new version. Needs `agents.manage_knowledge`.

        409 `not_an_article` for more than the days of a file or a page, `not_ready` while it isn't searched,
        `stale_version` if it was changed in the meantime.
        """
        return self.call_service(services.change_article)

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Delete a document and its text. Needs `agents.manage_knowledge`."""
        return self.call_service(services.delete_document)


class SiteSerializer(RowSerializer[Site]):
    """A site and how far it is. `pages` is how many were read so far, or by the last walk over it."""

    class Meta:
        model = Site
        fields: ClassVar[list[str]] = (
            "id collection_id address language every_hours state trouble pages due_at fetched_at created_at".split()
        )


class NewSite(serializers.Serializer[Any]):
    """A site to fetch."""

    collection_id = serializers.UUIDField()
    address = serializers.CharField(max_length=services.ADDRESS_LIMIT, help_text="Where the walk begins.")
    language = serializers.ChoiceField(
        choices=Document.Language.choices, required=False, help_text="Of pages that don't say theirs."
    )
    every_hours = serializers.ChoiceField(
        choices=list(sites.INTERVALS.items()), required=False, help_text="0: only when `refresh` is called."
    )


class SiteChange(serializers.Serializer[Any]):
    """How often the site is fetched."""

    every_hours = serializers.ChoiceField(choices=list(sites.INTERVALS.items()))


class SiteFilters(ApiFilterSet):
    """The filters of sites."""

    collection = UUIDFilter(field_name="collection_id")
    state = ChoiceFilter(choices=Site.State.choices)


class SiteViewSet(RetrieveModelMixin, ListViewSet):
    """Sites whose pages are fetched as documents."""

    descriptions: ClassVar = {
        "list": "List the sites that are fetched, newest first. Needs `agents.view_agent`.",
        "retrieve": "Read a site, and how far it is. Needs `agents.view_agent`.",
    }
    permissions: ClassVar = {
        "list": selectors.VIEW,
        "retrieve": selectors.VIEW,
        "create": services.MANAGE,
        "partial_update": services.MANAGE,
        "refresh": services.MANAGE,
        "destroy": services.MANAGE,
    }
    serializer_class = SiteSerializer
    request_serializers: ClassVar = {"create": NewSite, "partial_update": SiteChange}
    filterset_class = SiteFilters
    lookup_url_kwarg = "site_id"
    list_rows = staticmethod(sites.query_sites)
    read_row = staticmethod(sites.get_site)

    @idempotent
    def create(self, request: Request) -> Response:
        """Add a site; its pages are fetched in the background. Needs `agents.manage_knowledge`.

        `state`, `pages` and `trouble` say how far it is, and what is wrong with it.
        """
        return self.call_service(sites.add_site)

    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Change how often a site is fetched. Needs `agents.manage_knowledge`."""
        return self.call_service(sites.change_site)

    @action(detail=True, methods=["post"])
    @idempotent
    def refresh(self, request: Request, **kwargs: Any) -> Response:
        """Fetch a site again now; 409 `fetching`. Needs `agents.manage_knowledge`."""
        return self.call_service(sites.refresh_site)

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Remove a site and delete its pages. Needs `agents.manage_knowledge`."""
        return self.call_service(sites.remove_site)


class KnowledgeSearch(serializers.Serializer[Any]):
    """A question and who asks it."""

    question = serializers.CharField(max_length=1000)
    audience = serializers.ChoiceField(choices=Collection.Audience.choices, default="public")


class FoundPassageSerializer(serializers.Serializer[Any]):
    """A passage that was found."""

    document_id = serializers.UUIDField(source="passage.document_id", read_only=True)
    title = serializers.CharField(source="passage.document.title", read_only=True)
    heading = serializers.CharField(source="passage.heading", read_only=True)
    text = serializers.CharField(source="passage.text", read_only=True)
    address = serializers.CharField(source="passage.document.address", read_only=True)
    version = serializers.IntegerField(source="passage.version.number", read_only=True)
    coverage = serializers.FloatField(read_only=True, help_text="From 0 to 1: how much of the question it covers.")


class FoundKnowledgeSerializer(serializers.Serializer[Any]):
    """What a question finds, the best first, and whether an agent would answer from it."""

    answers = serializers.BooleanField(read_only=True)
    passages = FoundPassageSerializer(many=True, read_only=True)


class KnowledgeViewSet(ApiViewSet):
    """Searches in documents."""

    permissions: ClassVar = {"look_up": selectors.VIEW}
    serializer_class = FoundKnowledgeSerializer

    @action(detail=False, methods=["post"], url_path="search", url_name="search", request_serializer=KnowledgeSearch)
    @idempotent
    def look_up(self, request: Request) -> Response:
        """Find passages as an agent would, the best first. Needs `agents.view_agent`."""
        found = searching.search(**self.read_body())
        is_sure = searching.is_sure(found)
        return self.respond({"answers": is_sure, "passages": found})


class ArticleWithAnswer(Seen):
    """The new text of an article, with the answer in it."""

    document_id = serializers.UUIDField()
    text = serializers.CharField(max_length=services.TEXT_LIMIT, help_text="All of it, as it is from now on.")


class OpenQuestionSerializer(RowSerializer[OpenQuestion]):
    """What people asked and no document answered, masked."""

    class Meta:
        model = OpenQuestion
        fields: ClassVar[list[str]] = "id text state asked answer_id created_at last_asked_at".split()


class OpenQuestionFilters(ApiFilterSet):
    """The filters of open questions."""

    state = ChoiceFilter(choices=OpenQuestion.State.choices)


class OpenQuestionViewSet(RetrieveModelMixin, ListViewSet):
    """Open questions."""

    descriptions: ClassVar = {
        "list": "List what people asked and no document answered, newest first. Needs `agents.view_agent`.",
        "retrieve": "Read an open question. Needs `agents.view_agent`.",
    }
    permissions: ClassVar = {
        "list": selectors.VIEW,
        "retrieve": selectors.VIEW,
        "answer": services.MANAGE,
        "add_to_article": services.MANAGE,
        "dismiss": services.MANAGE,
    }
    serializer_class = OpenQuestionSerializer
    filterset_class = OpenQuestionFilters
    lookup_url_kwarg = "question_id"
    list_rows = staticmethod(selectors.query_questions)
    read_row = staticmethod(selectors.get_question)

    @action(detail=True, methods=["post"], request_serializer=NewArticle)
    @idempotent
    def answer(self, request: Request, **kwargs: Any) -> Response:
        """Write the article that answers it; 409 `not_open`. Needs `agents.manage_knowledge`."""
        return self.call_service(questions.answer_question)

    @action(detail=True, methods=["post"], url_path="add-to-article", request_serializer=ArticleWithAnswer)
    @idempotent
    def add_to_article(self, request: Request, **kwargs: Any) -> Response:
        """Answer it by a new version of an article. Needs `agents.manage_knowledge`.

        400 for a text that the article has already; 409 `not_open`, `not_an_article`, `not_ready`, `stale_version`.
        """
        return self.call_service(questions.add_to_article)

    @action(detail=True, methods=["post"])
    @idempotent
    def dismiss(self, request: Request, **kwargs: Any) -> Response:
        """Leave it without an answer; 409 `not_open`. Needs `agents.manage_knowledge`."""
        return self.call_service(questions.dismiss_question)
