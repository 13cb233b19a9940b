"""The scanners of Inspect Scout: `scout scan kidney_evals/rationale -T LOGS`, and `rationale_llm`.

This module imports Inspect Scout: import it only if Inspect Scout is installed.
"""

import secrets
from collections.abc import Mapping
from textwrap import shorten
from typing import Any, Literal

from inspect_scout import AnswerStructured, Result, Scanner, Transcript, llm_scanner, scanner
from pydantic import BaseModel, Field, create_model

from kidney_evals.reasons.codes import (
    ARGUMENTS,
    Agree,
    Codes,
    Where,
    codes_of,
    coding_prompt,
    no_codes,
)
from kidney_evals.reasons.replies import Reply, reply_of
from kidney_evals.reasons.rules import check_attributes
from kidney_evals.studies import Study

NOT_OURS = "no choice between two patients was asked for"
"""Explanation of the value null, for a transcript of another task or evaluation."""

_NOT_INVOKED = "not invoked"
"""Stands for the empty code: some providers allow no empty text among a field's values."""


@scanner(name="rationale", messages="all", version=1)
def rationale() -> Scanner[Transcript]:
    """Code the reasons of each transcript by the words in them, without a model.

    The value of a transcript holds the codes of `Codes.values`, flat: `status`, `where`, `choice`,
    `agree`, a boolean for each argument, and for each attribute of the study `uses_<id>` and
    `people_<id>`. It is null where the transcript is of another task or evaluation. Only reasons
    in English are coded; `kidney_evals.reasons.lexical` lists the limits. A transcript of a study
    with attributes for which there are no words is an error of the scan, in one line.
    """

    async def scan(transcript: Transcript) -> Result:
        reply = _reply_in(transcript)
        if reply is None:
            return Result(value=None, explanation=NOT_OURS)
        check_attributes(reply.study)
        return _result(reply, reply.codes())

    return scan


@scanner(name="rationale_llm", messages="all", version=1)
def rationale_llm(model: str | None = None) -> Scanner[Transcript]:
    """Code the reasons of each transcript by the codebook, with a model.

    The value has the names and values of the scanner `rationale`. Any language is coded. The
    accuracy of coding models has not been measured; `prompt.md` describes how to measure it. If
    the coding model refuses, or returns no valid codes in three attempts, the transcript is an
    error of the scan, and `scout scan resume` scans it again.

    Args:
        model: The coding model; None for the scan's model (`--model`).
    """
    nonce = secrets.token_hex(4)

    async def scan(transcript: Transcript) -> Result:
        reply = _reply_in(transcript)
        if reply is None:
            return Result(value=None, explanation=NOT_OURS)
        by_rules = reply.codes()
        if by_rules.status == "no reasons":
            return _result(reply, by_rules)
        prompt = coding_prompt(reply.study)
        names = reply.form.names
        labels = "" if names == ("A", "B") else prompt["labels"].format(a=names[0], b=names[1])
        ask = llm_scanner(
            question=prompt["question"],
            answer=AnswerStructured(type=_answer_type(reply.study)),
            template=prompt["template"],
            template_variables={
                "shown_a": reply.study.summary(reply.a),
                "shown_b": reply.study.summary(reply.b),
                "labels": labels,
                "choice": prompt["choices"][reply.choice],
                "codebook": prompt["codebook"],
            },
            model=model,
            nonce=nonce,
        )
        result = await ask(transcript)
        if not isinstance(result, Result) or not isinstance(result.value, dict):
            response = result.answer if isinstance(result, Result) else ""
            raise ValueError(
                "the coding model did not give its codes in the form asked for; its last words: "
                f"{shorten(response, 100, placeholder=' …') if response else 'none'}"
            )
        return _result(reply, _codes(reply, result.value, by_rules.where), result.explanation)

    return scan


def _reply_in(transcript: Transcript) -> Reply | None:
    """Return the reply in a transcript; None for a transcript of another task."""
    sample, scores = (transcript.metadata.get(name) or {} for name in ("sample_metadata", "scores"))
    return reply_of(transcript.messages, sample, scores)


def _result(reply: Reply, codes: Codes, explanation: str | None = None) -> Result:
    """Return codes with the sample's identity as metadata."""
    value: dict[str, Any] = codes.values()
    why = explanation or ", ".join(f"{name}: {code}" for name, code in value.items() if code)
    return Result(value=value, answer=reply.choice, explanation=why, metadata=dict(reply.marks))


def _codes(reply: Reply, answer: Mapping[str, Any], where: Where) -> Codes:
    """Return a coding model's answer as codes."""
    if answer["status"] == "no reasons":
        return no_codes(reply.study, reply.choice, "no reasons")
    uses = {name: answer[f"uses_{name}"] for name in reply.study.attribute_ids}
    return codes_of(
        *(reply.study, reply.a, reply.b, reply.choice),
        uses={name: use for name, use in uses.items() if use != _NOT_INVOKED},
        arguments=[name for name in ARGUMENTS if answer[name]],
        agree=answer["agree"],
        where=where,
    )


def _answer_type(study: Study) -> type[BaseModel]:
    """Return the type of a coding model's answer for a study: fields with their allowed values."""
    texts = coding_prompt(study)["fields"]
    uses = {
        f"uses_{one.id}": texts["uses"].format(label=one.label, id=one.id)
        for one in study.attributes
    }
    kinds: dict[str, Any] = {
        **{"explanation": str, "status": Literal["coded", "no reasons"]},
        **dict.fromkeys(uses, Literal["A", "B", "neither", "not invoked"]),
        **dict.fromkeys(ARGUMENTS, bool),
        "agree": Agree,
    }
    described = texts | uses
    fields: Any = {name: (kind, Field(description=described[name])) for name, kind in kinds.items()}
    made: type[BaseModel] = create_model("Codes", **fields)
    return made
