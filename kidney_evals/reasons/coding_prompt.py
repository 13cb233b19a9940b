"""The texts for a model that codes reasons (`rationale_llm`), in the words of a study."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any

import yaml

from kidney_evals.studies import Study, Words

_GOOD = "kidney"
"""The good of which the prompt and the codebook speak."""


def coding_prompt(study: Study) -> Mapping[str, Any]:
    """Return the texts of `prompt.yaml` and the codebook, in the words of a study.

    They are written for the kidney; for another good the replacements of `other_goods` are made.
    """
    return _prompt() if study.words.good == _GOOD else _reworded(study.words)


@lru_cache(maxsize=8)
def _reworded(words: Words) -> Mapping[str, Any]:
    def reworded(value: Any) -> Any:
        if isinstance(value, str):
            for old, new in _prompt()["other_goods"]:
                value = value.replace(old, new)
            return words.fill(value)
        if isinstance(value, Mapping):
            return {name: reworded(text) for name, text in value.items()}
        return value

    texts: Mapping[str, Any] = reworded(_prompt())
    return texts


@lru_cache(maxsize=1)
def _prompt() -> Mapping[str, Any]:
    """Return the texts of `prompt.yaml` and the codebook."""
    folder = files("kidney_evals.reasons")
    codebook = folder.joinpath("codebook.md").read_text(encoding="utf-8")
    table: Mapping[str, Any] = yaml.safe_load(folder.joinpath("prompt.yaml").read_text("utf-8"))
    # The question explains the status itself; include only the codes that follow it.
    return {**table, "codebook": codebook[codebook.index("## Attributes") :].strip()}
