"""The reasons that a model gives: attributes and arguments, and whether they fit its choice.

`code` codes one text by words alone. `rationale` and `rationale_llm` are scanners of Inspect Scout
(the extra `scout`) over the transcripts of whole logs, `scanned` returns their results as a frame.
`codebook.md` defines the codes, `measured.md` says how well the words find them.

Over a folder of logs, without a model and with one:

    scout scan kidney_evals/rationale -T logs
    scout scan kidney_evals/rationale_llm -T logs --model openai/gpt-5

The folder that the command prints last is what `scanned` reads. Only reasons that were asked
for (`-T explain=before`) or that the log holds can be coded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kidney_evals.reasons.codes import ARGUMENTS, Codes
from kidney_evals.reasons.frames import FAILED, check_extra, has_extra, scanned
from kidney_evals.reasons.lexical import code, code_reply
from kidney_evals.reasons.replies import Reply, reply_of

if TYPE_CHECKING:
    from kidney_evals.reasons.scanners import rationale, rationale_llm

__all__ = [
    "ARGUMENTS",
    "FAILED",
    "Codes",
    "Reply",
    "code",
    "code_reply",
    "has_extra",
    "rationale",
    "rationale_llm",
    "reply_of",
    "scanned",
]


def __getattr__(name: str) -> Any:
    """Import the scanners, which need Inspect Scout, when they are used."""
    if name in ("rationale", "rationale_llm"):
        check_extra()
        from kidney_evals.reasons import scanners

        return getattr(scanners, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
