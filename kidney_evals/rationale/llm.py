"""The scanner of reasons that asks a model: `scout scan kidney_evals/rationale_llm -T LOGS`.

Imports Inspect Scout: import it only where that is installed.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from textwrap import shorten
from typing import Any, Literal

import yaml
from inspect_scout import AnswerStructured, Result, Scanner, Transcript, llm_scanner, scanner
from pydantic import BaseModel, Field, create_model

from kidney_evals.rationale.codes import ARGUMENTS, Codes, Use, codes_of, no_codes
from kidney_evals.rationale.replies import Reply
from kidney_evals.rationale.scanners import NOT_OURS, reply_in, result_of
from kidney_evals.studies import Study

_NOT_INVOKED = "not invoked"
"""Stands for the empty code: some providers allow no empty text among a field's values."""

_SAID = 100
"""Letters of a coding model's words that an error repeats."""


@scanner(name="rationale_llm", messages="all", version=1)
def rationale_llm(model: str | None = None) -> Scanner[Transcript]:
    """Code the reasons of each transcript by the codebook, with a model.

    The value has the names and values of the scanner `rationale`. Any language is coded. How well
    a model codes has not been measured here; `prompt.md` says what to do about it. A transcript
    is an error of the scan, which `scout scan resume` asks again, where the coding model refuses
    or gives no codes in the form asked for in three tries.

    Args:
        model: The coding model; None for the one that the scan is given (`--model`).
    """
    nonce = secrets.token_hex(4)

    async def scan(transcript: Transcript) -> Result:
        reply = reply_in(transcript)
        if reply is None:
            return Result(value=None, explanation=NOT_OURS)
        by_rules = reply.codes()
        if by_rules.status == "no reasons":
            return result_of(reply, by_rules)
        asked = llm_scanner(
            question=prompt()["question"],
            answer=AnswerStructured(type=answer_type(reply.study)),
            template=prompt()["template"],
            template_variables=_shown(reply),
            model=model,
            nonce=nonce,
        )
        result = await asked(transcript)
        if not isinstance(result, Result) or not isinstance(result.value, dict):
            said = result.answer if isinstance(result, Result) else ""
            raise ValueError(
                "the coding model did not give its codes in the form asked for; its last words: "
                f"{shorten(said, _SAID, placeholder=' …') if said else 'none'}"
            )
        told: dict[str, Any] = result.value
        return result_of(reply, told_codes(reply, told, by_rules), result.explanation)

    return scan


def told_codes(reply: Reply, told: Mapping[str, Any], by_rules: Codes) -> Codes:
    """Return a model's answer as codes.

    Args:
        reply: What was coded.
        told: The fields of the answer.
        by_rules: The lexical codes, for where the reasons stand.

    Raises:
        UserError: If a field holds none of its values.
    """
    if told.get("status") == "no reasons":
        return no_codes(reply.study, reply.choice, "no reasons")
    uses: dict[str, Use] = {}
    for name in reply.study.attribute_ids:
        use = told.get(f"uses_{name}", _NOT_INVOKED)
        uses[name] = "" if use == _NOT_INVOKED else use
    return codes_of(
        reply.study,
        reply.a,
        reply.b,
        reply.choice,
        uses=uses,
        arguments=[name for name in ARGUMENTS if told.get(name) is True],
        agree=told.get("agree", "unclear"),
        where=by_rules.where,
    )


def answer_type(study: Study) -> type[BaseModel]:
    """Return the fields that a model is asked for, with their allowed values, for one study."""
    said: Mapping[str, str] = prompt()["fields"]
    fields: dict[str, Any] = {
        "explanation": (str, Field(description=said["explanation"])),
        "status": (Literal["coded", "no reasons"], Field(description=said["status"])),
    }
    for one in study.attributes:
        described = said["uses"].format(label=one.label, id=one.id)
        allowed = Literal["A", "B", "neither", "not invoked"]
        fields[f"uses_{one.id}"] = (allowed, Field(description=described))
    fields |= {name: (bool, Field(description=said[name])) for name in ARGUMENTS}
    fields["agree"] = (Literal["yes", "no", "unclear"], Field(description=said["agree"]))
    made: type[BaseModel] = create_model("Codes", **fields)
    return made


@lru_cache(maxsize=1)
def prompt() -> Mapping[str, Any]:
    """Return the texts of `prompt.yaml`."""
    text = files("kidney_evals.rationale").joinpath("prompt.yaml").read_text(encoding="utf-8")
    table: Mapping[str, Any] = yaml.safe_load(text)
    return table


@lru_cache(maxsize=1)
def _codebook() -> str:
    text = files("kidney_evals.rationale").joinpath("codebook.md").read_text(encoding="utf-8")
    # The status is put in the question's own words; the rest begins behind it.
    return text[text.index("## Attributes") :].strip()


def _shown(reply: Reply) -> dict[str, Any]:
    names = reply.form.names
    labels = "" if names == ("A", "B") else prompt()["labels"].format(a=names[0], b=names[1])
    return {
        "patient_a": reply.study.summary(reply.a),
        "patient_b": reply.study.summary(reply.b),
        "labels": labels,
        "choice": prompt()["choices"][reply.choice],
        "codebook": _codebook(),
    }
