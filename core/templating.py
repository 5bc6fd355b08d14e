"""Templates that free their rows after rendering, not at a later garbage collection."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from django.template import TemplateDoesNotExist
from django.template.backends.django import DjangoTemplates, Template, reraise
from django.template.context import make_context


class Templates(DjangoTemplates):
    """Django's templates, with pages that free their context."""

    def get_template(self, template_name: str) -> Template:
        """Return a template. Raises TemplateDoesNotExist."""
        return _Page(super().get_template(template_name).template, self)


class _Page(Template):
    def render(self, context: Mapping[str, Any] | None = None, request: HttpRequest | None = None) -> Any:
        """Render as Django does, and break the context's reference cycle, which keeps all rows alive."""
        made = make_context(dict(context or {}), request, autoescape=self.backend.engine.autoescape)
        try:
            return self.template.render(made)
        except TemplateDoesNotExist as problem:
            reraise(problem, self.backend)
        finally:
            made.dicts.clear()
