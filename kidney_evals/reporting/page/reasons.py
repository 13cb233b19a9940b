"""The section on reasons: the attributes and arguments that models name, and their support."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import pandas as pd
from inspect_ai.log import EvalSample, read_eval_log

from kidney_evals.charts import DotRow, ShareRow, dot_panel, share_panel
from kidney_evals.estimation.intervals import wilson
from kidney_evals.reasons import ARGUMENTS, FAILED, reply_of, scanned
from kidney_evals.reporting.page.parts import Cell, Figure, Place, Section, section
from kidney_evals.reporting.runs import ModelRun
from kidney_evals.studies.model import CONTROL_KINDS

USES: Final = ("toward", "against", "neither")
LABELS: Final = ("as people favour", "against that", "not deciding", "not mentioned")

Coded = tuple[str, pd.DataFrame]
"""The coder ("by the scanner NAME") and the codes of one run, a row for each transcript.

The columns are those of `kidney_evals.reasons.Codes.values`.
"""


def reasons_section(places: Sequence[Place], scans: Sequence[Path] = ()) -> Section:
    """Return the attributes and arguments that runs named, by scans or else by lexical rules."""
    by_scan: dict[str, Coded] = {}
    for scan in scans:
        frame = scanned(scan)
        for id, rows in frame[~frame["kind"].isin(CONTROL_KINDS)].groupby("eval_id"):
            by_scan[str(id)] = (f"by the scanner {rows['scanner'].iloc[0]}", rows)
    figures, left_out = [], []
    for place in places:
        coded: dict[ModelRun, Coded] = {}
        for run in place.runs:
            by, frame = by_scan.get(run.id) or ("by words alone", _by_words(run))
            failed = frame[frame["status"] == FAILED]
            if len(failed):
                left_out.append(
                    f"{place.title}, {run.name}: {len(failed)} of {len(frame)} transcripts could "
                    f"not be coded {by} and count nowhere; the first: {failed['error'].iloc[0]}"
                )
            if (frame["status"] == "coded").any():
                coded[run] = by, frame
        figures.append(_figure(place, coded))
    return section("reasons", figures, left_out)


def _by_words(run: ModelRun) -> pd.DataFrame:
    """Code a run by the lexical rules; empty if its answers have no reasons."""
    samples: Sequence[EvalSample] = ()
    if run.key["explain"] != "none" and not run.trouble:
        # Events make up most of a log and contain no further text of the model.
        log = read_eval_log(run.file.location, exclude_fields={"events", "store"})
        samples = log.samples or ()
    replies = (reply_of(one.messages, one.metadata, one.scores or {}) for one in samples)
    # Controls are not part of any rate.
    codes = [one.codes().values() for one in replies if one and not one.dilemma.is_control]
    return pd.DataFrame(codes or {"status": []})


def _figure(place: Place, coded: Mapping[ModelRun, Coded]) -> Figure | None:
    attributes: list[str] = []
    arguments: list[str] = []
    lines: list[tuple[Cell, ...]] = []
    for run, (by, frame) in coded.items():
        codes, label = frame[frame["status"] == "coded"], place.label(run)
        n, without = len(codes), int((~frame["status"].isin(["coded", FAILED])).sum())
        bars = []
        for key in codes.columns[codes.columns.str.startswith("people_")]:
            attribute = key.removeprefix("people_").replace("_", " ")
            counts = [int((codes[key] == use).sum()) for use in USES]
            shares = [count / n for count in counts]
            bars.append(ShareRow(attribute, (*shares, max(0.0, 1 - sum(shares))), "model", n))
            lines += [
                (run.name, f"{attribute}, {use}", *_share(count, n), n, by)
                for use, count in zip(LABELS, counts, strict=False)
            ]
        attributes.append(share_panel(f"{label}: attributes", bars, LABELS))
        hits = {
            argument.replace("_", " "): sum(code is True for code in codes[argument])
            for argument in ARGUMENTS
        }
        hits["fits the answer"] = int((codes["agree"] == "yes").sum())
        rows = [DotRow(words, *_share(count, n), "model") for words, count in hits.items()]
        note = f"{n} transcript{'' if n == 1 else 's'} coded {by}"
        if without:
            note += f"; {without} more had no reasons that could be coded"
        arguments.append(dot_panel(f"{label}: arguments", rows, low=0, high=1, note=f"{note}."))
        lines += [(run.name, name, *_share(count, n), n, by) for name, count in hits.items()]
    says = (
        "Shares of the transcripts with reasons that could be coded; intervals are 95 %. No "
        "reasons of people are known for these dilemmas, so models stand beside one another only."
    )
    # Panels of the same kind, one per model, are side by side.
    panels, heads = [*attributes, *arguments], ("argued", "share", "low", "high", "n", "coded")
    return place.figure("reasons", "Reasons", says, panels, lines, "model", *heads)


def _share(count: int, n: int) -> tuple[float, float, float]:
    ends = wilson(count / n, n)
    return count / n, ends.low, ends.high
