"""The pages of the survey: their texts by language, and the templates."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

import yaml

from kidney_evals.studies import Study, in_language
from kidney_evals.studies.words import ENGLISH
from kidney_evals.survey.settings import SurveySettings
from kidney_evals.templates import templates


@cache
def page_texts() -> Mapping[str, Mapping[str, str]]:
    """Return the texts of the pages, by language and name."""
    text = files("kidney_evals.survey.web").joinpath("texts.yaml").read_text(encoding="utf-8")
    texts: Mapping[str, Mapping[str, str]] = yaml.safe_load(text)
    return texts


class Pages:
    """The pages of one survey in one language.

    A language without page texts has those of English.

    Args:
        root: As in `SurveyApp`.

    Attributes:
        study: The study in the language.
        texts_language: The language of the page texts.

    Raises:
        UserError: The study has no words in the language.
    """

    def __init__(self, study: Study, settings: SurveySettings, language: str, root: str) -> None:
        self.study: Final = in_language(study, language)
        self.language: Final = language
        self.texts_language: Final = language if language in page_texts() else ENGLISH
        self._settings = settings
        self._templates = templates("survey.web", "templates", {}, autoescape=True)
        self._root = root

    def text(self, name: str, /, **values: object) -> str:
        """Return the page text `name`, with the study's words and the given values filled in."""
        template = page_texts()[self.texts_language][name]
        return self.study.words.fill(template, f"the page text {name!r}").format(**values)

    def percent(self, share: float) -> str:
        """Return a share as a whole percentage."""
        return self.text("percent", value=f"{100 * share:.0f}")

    def own(self, texts: Mapping[str, str]) -> str:
        """Return a text by the survey's owner, in the language of the page.

        Args:
            texts: The text by language.
        """
        return self._settings.spoken(texts, self.language)

    def paragraphs(self, texts: Mapping[str, str]) -> list[str]:
        """Return the paragraphs of a text by the survey's owner, in the language of the page.

        Args:
            texts: The text by language.
        """
        parts = self.own(texts).split("\n\n")
        return [part.strip() for part in parts if part.strip()]

    def render(self, template: str, **values: Any) -> str:
        """Return a page as HTML, from a template's file name and the values of its variables."""
        values |= {"page": self, "settings": self._settings, "root": self._root}
        return self._templates.get_template(template).render(values)
