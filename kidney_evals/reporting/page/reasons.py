"""The section on reasons: the attributes and arguments that models name, and whether they fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kidney_evals.charts import DotRow, ShareRow, dot_panel, share_panel
from kidney_evals.estimation.intervals import wilson
from kidney_evals.reasons import ARGUMENTS, FAILED, reply_of, scanned
from kidney_evals.reporting.page.parts import Cell, Figure, Place, Section, slug, table
from kidney_evals.reporting.runs import ModelRun
from kidney_evals.studies.model import CONTROL_KINDS

Codes = Mapping[str, Any]
"""The codes of one transcript, flattened; see `kidney_evals.reasons.Codes.values`."""

USES: Final = ("toward", "against", "neither")
LABELS: Final = ("as people favour", "against that", "not deciding", "not mentioned")


@dataclass(frozen=True)
class Coded:
    """The codes of one run."""

    by: str
    codes: tuple[Codes, ...]
    without: int
    errors: tuple[str, ...] = ()


def reasons_section(places: Sequence[Place], scans: Sequence[Path] = ()) -> Section:
    """Return the attributes and arguments named by runs that gave reasons."""
    by_scan = _scanned(scans)
    figures, left_out = [], []
    for place in places:
        coded = {}
        for run in place.runs:
            codes = by_scan.get(run.id) or _by_words(run)
            if codes is not None and codes.errors:
                count = len(codes.errors)
                total = count + len(codes.codes) + codes.without
                left_out.append(
                    f"{place.title}, {run.name}: {count} of {total} transcripts could not be coded "
                    f"{codes.by} and count nowhere; the first: {codes.errors[0]}"
                )
            if codes is not None and codes.codes:
                coded[run] = codes
        if coded:
            figures.append(_figure(place, coded))
    return Section("reasons", tuple(figures), tuple(left_out))


def _by_words(run: ModelRun) -> Coded | None:
    """Code a run by the lexical rules; None if its answers have no reasons."""
    from inspect_ai.log import read_eval_log

    if run.key["explain"] == "none" or run.trouble:
        return None
    # Events make up most of a log and contain no further text of the model.
    log = read_eval_log(run.file.location, exclude_fields={"events", "store"})
    replies = (
        reply_of(sample.messages, sample.metadata, sample.scores or {})
        for sample in log.samples or ()
    )
    # Controls are not part of any rate.
    codes = [one.codes().values() for one in replies if one and not one.dilemma.is_control]
    return _coded("by words alone", codes)


def _scanned(scans: Sequence[Path]) -> dict[str, Coded]:
    result: dict[str, Coded] = {}
    for scan in scans:
        frame = scanned(scan)
        frame = frame[~frame["kind"].isin(CONTROL_KINDS)]
        for run, rows in frame.groupby("eval_id"):
            by = f"by the scanner {rows['scanner'].iloc[0]}"
            result[str(run)] = _coded(by, rows.to_dict("records"))
    return result


def _coded(by: str, values: Sequence[Mapping[Any, Any]]) -> Coded:
    codes = tuple(one for one in values if one["status"] == "coded")
    errors = tuple(str(one["error"]) for one in values if one["status"] == FAILED)
    return Coded(by, codes, len(values) - len(codes) - len(errors), errors)


def _figure(place: Place, coded: Mapping[ModelRun, Coded]) -> Figure:
    attributes: list[str] = []
    arguments: list[str] = []
    lines: list[tuple[Cell, ...]] = []
    for run, found in coded.items():
        n, label = len(found.codes), place.label(run)
        bars = []
        for key in dict.fromkeys(key for one in found.codes for key in one):
            if not key.startswith("people_"):
                continue
            attribute = key.removeprefix("people_").replace("_", " ")
            counts = [sum(one.get(key) == use for one in found.codes) for use in USES]
            shares = [count / n for count in counts]
            bars.append(ShareRow(attribute, (*shares, max(0.0, 1 - sum(shares))), "model", n))
            lines += [
                (run.name, f"{attribute}, {use}", *_share(count, n), n, found.by)
                for use, count in zip(LABELS, counts, strict=False)
            ]
        attributes.append(share_panel(f"{label}: attributes", bars, LABELS))
        hits = {
            argument.replace("_", " "): sum(one[argument] is True for one in found.codes)
            for argument in ARGUMENTS
        }
        hits["fits the answer"] = sum(one["agree"] == "yes" for one in found.codes)
        rows = [DotRow(words, *_share(count, n), "model") for words, count in hits.items()]
        note = f"{n} transcript{'' if n == 1 else 's'} coded {found.by}"
        if found.without:
            note += f"; {found.without} more had no reasons that could be coded"
        arguments.append(dot_panel(f"{label}: arguments", rows, low=0, high=1, note=f"{note}."))
        lines += [(run.name, name, *_share(count, n), n, found.by) for name, count in hits.items()]
    return Figure(
        slug("reasons", place.id),
        f"Reasons: {place.title}",
        "Shares of the transcripts with reasons that could be coded; intervals are 95 %. No "
        "reasons of people are known for these dilemmas, so models stand beside one another only.",
        # Panels of the same kind, one per model, are side by side.
        (*attributes, *arguments),
        table(lines, "model", "argued", "share", "low", "high", "n", "coded"),
    )


def _share(count: int, n: int) -> tuple[float, float, float]:
    ends = wilson(count / n, n)
    return count / n, ends.low, ends.high
