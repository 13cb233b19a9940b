"""The texts for a model that codes reasons (`rationale_llm`), in the words of a study."""

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any

from kidney_evals.elicitation.form import each_text, table
from kidney_evals.limits import KIDNEY
from kidney_evals.studies import Study, Words


def coding_prompt(study: Study) -> Mapping[str, Any]:
    """Return the texts of `prompt.yaml` and the codebook, in the words of a study.

    They are written for the kidney; for another good, `other_goods` in `prompt.yaml` is applied.
    """
    return _prompt(study.words)


@lru_cache(maxsize=8)
def _prompt(words: Words) -> Mapping[str, Any]:
    codebook = files("kidney_evals.reasons").joinpath("codebook.md").read_text(encoding="utf-8")
    # The question explains the status itself; include only the codes that follow it.
    rest = codebook[codebook.index("## Attributes") :].strip()
    texts: Mapping[str, Any] = {**table("prompt", "kidney_evals.reasons"), "codebook": rest}

    def reworded(text: str) -> str:
        for old, new in texts["other_goods"]:
            text = text.replace(old, new)
        return words.fill(text)

    return texts if words.good == KIDNEY else each_text(texts, reworded)
