"""The scanner of reasons that needs no model: `scout scan kidney_evals/rationale -T LOGS`.

Imports Inspect Scout: import it only where that is installed.
"""

from __future__ import annotations

from typing import Any

from inspect_scout import Result, Scanner, Transcript, scanner

from kidney_evals.rationale.codes import Codes
from kidney_evals.rationale.replies import Reply, reply_of

NOT_OURS = "no choice between two patients was asked for"
"""What stands beside a transcript of another task or evaluation, whose value is null."""


@scanner(name="rationale", messages="all", version=1)
def rationale() -> Scanner[Transcript]:
    """Code the reasons of each transcript by the words in them, without a model.

    The value of a transcript holds the codes of `Codes.values`, flat: `status`, `where`, `choice`,
    `agree`, a truth value for each argument, and for each attribute of the study `uses_<id>` and
    `people_<id>`. It is null where the transcript is of another task or evaluation. Only reasons
    in English are coded; `kidney_evals.rationale.lexical` says what is missed.
    """

    async def scan(transcript: Transcript) -> Result:
        reply = reply_in(transcript)
        if reply is None:
            return Result(value=None, explanation=NOT_OURS)
        return result_of(reply, reply.codes())

    return scan


def reply_in(transcript: Transcript) -> Reply | None:
    """Return the reply that a transcript holds; None where it is none of ours.

    Raises:
        UserError: If the study is not to be found.
    """
    metadata: dict[str, Any] = transcript.metadata
    return reply_of(
        transcript.messages,
        metadata.get("sample_metadata") or {},
        metadata.get("scores") or {},
    )


def result_of(reply: Reply, codes: Codes, explanation: str | None = None) -> Result:
    """Return codes as a scan's result, with what tells the sample apart in its metadata."""
    return Result(
        value=dict(codes.values()),
        answer=reply.choice,
        explanation=explanation or codes.sentence(),
        metadata=dict(reply.marks),
    )
