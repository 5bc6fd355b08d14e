"""The forms of collections, documents and open questions."""

from typing import Any, ClassVar

from django import forms
from django.forms.boundfield import BoundField

from agents.knowledge import selectors, services
from agents.knowledge.sources import uploads
from agents.models import Collection, Document
from console.base.forms import ConsoleForm, FilesInput, ManyFilesField

AUDIENCE_WORDS = {"public": "A stranger", "verified": "A proven customer", "members": "A colleague"}


LANGUAGE = forms.ChoiceField(
    label="Language", choices=[("", "As the text is written"), *Document.Language.choices], required=False
)
DAY = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class CollectionChoice(ConsoleForm):
    """A form with a choice among the collections, read once for each form."""

    chooses: ClassVar[str] = "collection_id"
    """The field of the choice."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        fields[self.chooses].choices = selectors.collection_choices()


class DaysForm(ConsoleForm):
    """The days on which a document is valid."""

    valid_from = forms.DateField(
        label="Valid from (optional)",
        widget=DAY,
        required=False,
        help_text="The first day on which agents use it. Leave it empty to start now.",
    )
    valid_until = forms.DateField(
        label="Valid until (optional)",
        widget=DAY,
        required=False,
        help_text="The last day on which agents use it. Leave it empty for no end.",
    )


class CollectionForm(ConsoleForm):
    """A collection."""

    name = forms.CharField(label="Name", max_length=services.NAME_LIMIT)
    audience = forms.ChoiceField(
        label="Who gets answers from it",
        choices=Collection.Audience.choices,
        help_text="A change counts at once, for all its documents.",
    )
    description = forms.CharField(label="What it is about", required=False, max_length=services.ABOUT_LIMIT)


class ArticleForm(DaysForm):
    """An article."""

    field_order: tuple[str, ...] = ("title", "text", "language", "address", "valid_from", "valid_until")
    title = forms.CharField(
        label="Title", max_length=services.TITLE_LIMIT, help_text="Shown to customers as the source of an answer."
    )
    text = forms.CharField(
        label="Text",
        widget=forms.Textarea(attrs={"rows": 16}),
        help_text="Begin a section with a line such as “## Returns from abroad”. Each section answers on its own.",
    )
    language = LANGUAGE
    address = forms.CharField(
        label="Address (optional)",
        required=False,
        max_length=services.ADDRESS_LIMIT,
        help_text="Where customers can read it, such as https://shop.example/help/returns. Answers link to it.",
    )


class EditArticleForm(ArticleForm):
    """An article, from the version that was opened."""

    width = "wk-wide-form"
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)


class EditDaysForm(DaysForm):
    """The days of a document, from the version that was opened."""

    version = forms.IntegerField(required=False, widget=forms.HiddenInput)


class AddForm(CollectionChoice, ArticleForm):
    """An article or files, for a collection."""

    template_name = "console/knowledge_add.html"
    width = "wk-add-page"
    submit = "Add to knowledge"
    kind = forms.ChoiceField(label="What do you add?", choices=[("article", "Article"), ("files", "Files")])
    collection_id = forms.ChoiceField(label="Collection", help_text="It says who gets answers from it.")
    title = forms.CharField(
        label="Title",
        max_length=services.TITLE_LIMIT,
        required=False,
        help_text="Shown to customers as the source of an answer. A file without a title shows its name.",
    )
    text = forms.CharField(
        label="Text",
        required=False,
        widget=forms.Textarea(attrs={"rows": 18}),
        help_text="Begin a section with a line such as “## Returns from abroad”. Each section answers on its own.",
    )
    files = ManyFilesField(  # type: ignore[assignment]  # no attribute later
        label="Files",
        required=False,
        help_text=f"PDF, Word (DOCX), HTML, Markdown, text or CSV. Up to {uploads.MOST_FILES} files at once, 20 MB "
        "together; a PDF has up to 500 pages.",
        widget=FilesInput(
            attrs={
                "accept": ",".join(uploads.ENDINGS),
                "data-attach": uploads.MOST_FILES,
                "data-attach-bytes": uploads.LARGEST,
                "data-attach-kinds": "PDF, Word (DOCX), HTML, Markdown, text and CSV",
            }
        ),
    )
    is_own = forms.BooleanField(
        label="Our organisation wrote these files",
        required=False,
        help_text="Leave it off for files by suppliers, partners or customers. After reading one of those, an agent "
        "requests nothing until somebody writes again.",
    )

    @property
    def is_of_files(self) -> bool:
        """Return True if files are to be added."""
        return bool(self["kind"].value() == "files")

    @property
    def options(self) -> list[BoundField]:
        """Return the fields that few need."""
        return [self[name] for name in ("language", "valid_from", "valid_until", "address")]

    @property
    def has_options(self) -> bool:
        """Return True if one of these was filled in, or is wrong."""
        return any(field.errors or field.value() for field in self.options)


class AnswerForm(CollectionChoice, ArticleForm):
    """The article that answers an open question."""

    width = "wk-wide-form"
    collection_id = forms.ChoiceField(label="Collection")
    field_order = ("collection_id", *ArticleForm.field_order)


class AddToArticleForm(ConsoleForm):
    """An article's text with the answer to an open question added."""

    width = "wk-wide-form"
    text = forms.CharField(
        label="Text",
        widget=forms.Textarea(attrs={"rows": 22}),
        help_text="The question is its last heading: write the answer below it, and put the heading in your own words.",
    )
    document_id = forms.UUIDField(widget=forms.HiddenInput)
    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if title := self.initial.get("title"):
            self.fields["text"].label = f"Text of “{title}”"


class SearchForm(ConsoleForm):
    """A question as a customer would ask it."""

    question = forms.CharField(label="Question", max_length=300)
    audience = forms.ChoiceField(label="Asked by", choices=list(AUDIENCE_WORDS.items()))
