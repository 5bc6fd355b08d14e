"""The forms of collections, documents and open questions."""

from typing import Any

from django import forms

from agents.knowledge import selectors, services
from agents.models import Collection, Document
from console.base.forms import ConsoleForm

AUDIENCE_WORDS = {"public": "A stranger", "verified": "A proven customer", "members": "A colleague"}


LANGUAGE = forms.ChoiceField(
    label="Language", choices=[("", "As the text is written"), *Document.Language.choices], required=False
)
DAY = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


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

    version = forms.IntegerField(required=False, widget=forms.HiddenInput)


class EditDaysForm(DaysForm):
    """The days of a document, from the version that was opened."""

    version = forms.IntegerField(required=False, widget=forms.HiddenInput)


class FileForm(DaysForm):
    """A file to read."""

    field_order = ("file", "title", "language", "address", "valid_from", "valid_until", "is_own")
    file = forms.FileField(
        label="File", help_text="PDF, Word (DOCX), HTML, Markdown, text or CSV, up to 20 MB and 500 pages."
    )
    title = forms.CharField(
        label="Title (optional)", required=False, max_length=services.TITLE_LIMIT, help_text="Empty: the file's name."
    )
    language = LANGUAGE
    address = forms.CharField(
        label="Address (optional)",
        required=False,
        max_length=services.ADDRESS_LIMIT,
        help_text="Where customers can read it. Answers link to it.",
    )
    is_own = forms.BooleanField(
        label="Our organisation wrote this file",
        required=False,
        help_text="Leave it off for files by suppliers, partners or customers. After reading one of those, an agent "
        "requests nothing until somebody writes again.",
    )


class AnswerForm(ArticleForm):
    """The article that answers an open question."""

    collection_id = forms.ChoiceField(label="Collection")
    field_order = ("collection_id", *ArticleForm.field_order)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        fields["collection_id"].choices = selectors.collection_choices()


class SearchForm(ConsoleForm):
    """A question as a customer would ask it."""

    question = forms.CharField(label="Question", max_length=300)
    audience = forms.ChoiceField(label="Asked by", choices=list(AUDIENCE_WORDS.items()))
