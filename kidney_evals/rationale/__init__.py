"""The reasons that a model gives: which attributes and arguments, and whether they fit its choice.

`code` codes one text by words alone. `rationale` and `rationale_llm` are scanners of Inspect Scout
(the extra `scout`) over the transcripts of whole logs, `scanned` returns their results as a frame.
`codebook.md` defines the codes, `measured.md` says how well the words find them.

Over a folder of logs, without a model and with one:

    scout scan kidney_evals/rationale -T logs
    scout scan kidney_evals/rationale_llm -T logs --model openai/gpt-5

The folder that the command names at its end is what `scanned` reads. Only reasons that were asked
for (`-T explain=before`) or are kept in the log can be coded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kidney_evals.rationale.codes import ARGUMENTS, Codes
from kidney_evals.rationale.extra import check_extra
from kidney_evals.rationale.lexical import code, code_reply

if TYPE_CHECKING:
    from kidney_evals.rationale.frames import scanned
    from kidney_evals.rationale.llm import rationale_llm
    from kidney_evals.rationale.scanners import rationale

__all__ = ["ARGUMENTS", "Codes", "code", "code_reply", "rationale", "rationale_llm", "scanned"]


def __getattr__(name: str) -> Any:
    """Import what needs Inspect Scout when it is asked for.

    Raises:
        UserError: If Inspect Scout is not installed.
    """
    if name in ("rationale", "rationale_llm", "scanned"):
        check_extra()
        from kidney_evals.rationale import frames, llm, scanners

        return {
            "rationale": scanners.rationale,
            "rationale_llm": llm.rationale_llm,
            "scanned": frames.scanned,
        }[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
