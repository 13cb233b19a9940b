"""The reasons that a model gives: attributes and arguments, and whether they support its answer.

`code` codes a text by word lists. `rationale` and `rationale_llm` are Inspect Scout scanners (extra
`scout`) for the transcripts of whole logs; `scanned` returns their results as a frame.
`codebook.md` defines the codes, and `measured.md` reports the accuracy of the word lists.

Over a folder of logs, without a model and with a model:

    scout scan kidney_evals/rationale -T logs
    scout scan kidney_evals/rationale_llm -T logs --model openai/gpt-5

The command prints a folder last; `scanned` reads this folder. Reasons can be coded only if the task
requested them (`-T explain=before`) or the log holds the model's reasoning.
"""

from typing import TYPE_CHECKING, Any

from kidney_evals.reasons.codes import ARGUMENTS, Codes
from kidney_evals.reasons.frames import FAILED, check_extra, scanned
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
    "rationale",
    "rationale_llm",
    "reply_of",
    "scanned",
]


def __getattr__(name: str) -> Any:
    """Import the scanners on first use, since they need Inspect Scout."""
    if name in ("rationale", "rationale_llm"):
        check_extra()
        from kidney_evals.reasons import scanners

        return getattr(scanners, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
