"""Report sections on stated values, predictions, reasons, pairs of models and fine-tuning."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import pandas as pd
from inspect_ai.log import EvalSample, read_eval_log

from kidney_evals.card.text import SIGNS
from kidney_evals.charts import DotRow, dot_panel
from kidney_evals.estimation.errors import InputError
from kidney_evals.estimation.intervals import wilson
from kidney_evals.measures import MEASURES, change, compute, find
from kidney_evals.reasons import ARGUMENTS, FAILED, reply_of, scanned
from kidney_evals.reporting.comparing.changes import ROWS, ModelDifference, paired_differences
from kidney_evals.reporting.page import parts
from kidney_evals.reporting.runs import UNTRAINED, ModelRun
from kidney_evals.reporting.text import NO_PEOPLE
from kidney_evals.studies.model import CONTROL_KINDS

MOST_SENTENCES: Final = 6
"""Maximum number of sentences on differences, the most significant first; the table has all."""

USES: Final = {"toward": "as people favour", "against": "against that", "neither": "not deciding"}
"""Labels of the uses of an attribute; transcripts with another code do not mention it."""

Coded = tuple[str, pd.DataFrame]
"""The coder ("by the scanner NAME") and the codes of one run, a row for each transcript.

The columns are those of `kidney_evals.reasons.Codes.values`.
"""

Arms = tuple[str, parts.PanelRuns]
"""A part of a comparison by `kidney-evals sft evaluate`: its name (`wordings`) and its runs.

The run of the untrained model is the first.
"""


def stated_figure(group: parts.PanelRuns) -> parts.Figure | None:
    """Return a figure of stated importance shares, beside people's and revealed shares.

    None for other tasks than `stated_values`, and without such shares.
    """
    if group.panel.task != "stated_values":
        return None
    panels, lines = [], []
    for run in group.runs:
        rows = []
        for name, stated in run.rows.items():
            if not name.startswith("st_") or name in MEASURES:
                continue
            attribute = name.removeprefix("st_")
            words = attribute.replace("_", " ")
            if not group.nobody:
                rows.append(DotRow(f"{words}, people", stated.human, math.nan, math.nan, "people"))
            rows.append(DotRow(f"{words}, said", *stated[:3], "model", group.link(run)))
            lines.append((run.name, f"{words}, stated", *stated))
            revealed = run.rows.get(f"rev_{attribute}")
            if revealed and revealed.defined:
                rows.append(DotRow(f"{words}, chosen", *revealed[:3], "baseline"))
                lines.append((run.name, f"{words}, revealed", *revealed))
        if rows:
            panels.append(dot_panel(group.label(run), rows, low=-1, high=1))
    says = (
        "“Said” is what the model states of itself, with the interval over its "
        "wordings; “chosen” is what its choices reveal, where a log of them was given."
    )
    says = f"{SIGNS.capitalize()}. {says}" if group.nobody else f"{NO_PEOPLE} {says}"
    return group.figure("stated", "Stated importance shares", says, panels, lines, *parts.HEADS)


def predicted_figure(group: parts.PanelRuns) -> parts.Figure | None:
    """Return a figure of squared distances between predicted and people's shares, or None.

    None if no run has such a value.
    """
    panels, lines = [], []
    for name in ("pred_fixed", "pred_drawn"):
        with_row = [run for run in group.runs if name in run.rows]
        known = {run: row for run in with_row if (row := run.rows[name]).defined}
        if not known:
            continue
        measure = find(name)
        dots = [
            DotRow(group.label(run), *row[:3], "model", group.link(run))
            for run, row in known.items()
        ]
        lines += [(run.name, measure.label, *row) for run, row in known.items()]
        # Known respondents are those of the run with most answers.
        most = max(known, key=lambda run: known[run].n)
        for key, row in most.rows.baselines(name).items():
            dots.append(DotRow(key, row.value, math.nan, math.nan, "baseline"))
            lines.append((key, measure.label, *row))
        panels.append(dot_panel(measure.label.capitalize(), dots, low=0, high=0.1, decimals=3))
    says = (
        "Squared distance of predicted from people's shares; 0 is knowing them. Open circles are "
        "known predictions; half of people is the distance of a random half of these people."
    )
    return group.figure("predicted", "Predicting people", says, panels, lines, *parts.HEADS)


def reasons_section(groups: Sequence[parts.PanelRuns], scans: Sequence[Path] = ()) -> parts.Section:
    """Return the section on the attributes and arguments that runs named in their reasons.

    The reasons are coded by `scans`, folders of Inspect Scout. Runs that are in no scan are coded
    by lexical rules.

    Raises:
        UserError: A scan cannot be read.
    """
    by_scan: dict[str, Coded] = {}
    for scan in scans:
        frame = scanned(scan)
        for id, rows in frame[~frame["kind"].isin(CONTROL_KINDS)].groupby("eval_id"):
            by_scan[str(id)] = (f"by the scanner {rows['scanner'].iloc[0]}", rows)
    figures, left_out = [], []
    for group in groups:
        coded: dict[ModelRun, Coded] = {}
        for run in group.runs:
            by, frame = by_scan.get(run.id) or ("by words alone", _by_words(run))
            failed = frame[frame["status"] == FAILED]
            if len(failed):
                left_out.append(
                    f"{group.title}, {run.name}: {len(failed)} of {len(frame)} transcripts could "
                    f"not be coded {by} and count nowhere; the first: {failed['error'].iloc[0]}"
                )
            if (frame["status"] == "coded").any():
                coded[run] = by, frame
        figures.append(_reasons(group, coded))
    return parts.section("reasons", figures, left_out)


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


def _reasons(group: parts.PanelRuns, coded: Mapping[ModelRun, Coded]) -> parts.Figure | None:
    panels: list[str] = []
    lines: list[tuple[parts.Cell, ...]] = []
    # Without people, the favoured end is the expectation of the study's author.
    uses = {**USES, "toward": "as the study favours"} if group.nobody else USES
    for run, (by, frame) in coded.items():
        codes = frame[frame["status"] == "coded"]
        n, without = len(codes), int((~frame["status"].isin(["coded", FAILED])).sum())
        counts: dict[str, int] = {}
        for key in codes.columns[codes.columns.str.startswith("people_")]:
            attribute = key.removeprefix("people_").replace("_", " ")
            for use, label in uses.items():
                counts[f"{attribute}, {label}"] = int((codes[key] == use).sum())
        for argument in ARGUMENTS:
            counts[argument.replace("_", " ")] = sum(code is True for code in codes[argument])
        counts["fits the answer"] = int((codes["agree"] == "yes").sum())
        note = f"{n} transcript{'' if n == 1 else 's'} coded {by}"
        if without:
            note += f"; {without} more had no reasons that could be coded"
        rows = [DotRow(words, *_share(count, n), "model") for words, count in counts.items()]
        panels.append(dot_panel(group.label(run), rows, low=0, high=1, note=f"{note}."))
        lines += [(run.name, name, *_share(count, n), n, by) for name, count in counts.items()]
    says = "Shares of the transcripts with reasons that could be coded; intervals are 95 %."
    if not group.nobody:
        says += (
            " No reasons of people are known for these dilemmas, so models stand beside one "
            "another only."
        )
    heads = ("model", "argued", "share", "low", "high", "n", "coded")
    return group.figure("reasons", "Reasons", says, panels, lines, *heads)


def _share(count: int, n: int) -> tuple[float, float, float]:
    ends = wilson(count / n, n)
    return count / n, ends.low, ends.high


def differences_section(groups: Sequence[parts.PanelRuns]) -> parts.Section:
    """Return the section on the differences of all pairs of models, over shared dilemmas."""
    differences, left_out = paired_differences([run for group in groups for run in group.runs])
    figures = [
        _differences(group, [one for one in differences if one.first.panel == group.panel])
        for group in groups
    ]
    return parts.section("differences", figures, left_out)


def _differences(group: parts.PanelRuns, pairs: Sequence[ModelDifference]) -> parts.Figure | None:
    measured = [one for one in pairs if not one.found.why]
    clear = sorted(
        (one for one in pairs if one.found.clear),
        key=lambda one: (one.found.adjusted, -abs(one.found.found.change.value)),
    )
    missing = len(pairs) - len(measured)
    says = f"{len(clear)} of {len(measured)} differences {'is' if len(measured) == 1 else 'are'} "
    says += "clear" + (f", {missing} could not be measured" if missing else "")
    many = len(clear) > MOST_SENTENCES
    says += f"; the {MOST_SENTENCES} clearest in words:" if many else "."
    lines: list[tuple[parts.Cell, ...]] = []
    for one in pairs:
        row, found = one.found, one.found.found
        names = (one.sentence, one.first.name, one.second.name, row.label)
        lines.append((*names, *found[1:3], *found.change[:3], row.adjusted, found.change.n))
    heads = (
        *("in words", "one", "the other", "quantity", "one's", "the other's"),
        *("difference", "low", "high", parts.P_VALUE, "dilemmas"),
    )
    figure = group.figure("differences", "Pairs of runs", says, (), lines, *heads)
    sentences = tuple(one.sentence for one in clear[:MOST_SENTENCES])
    return figure and replace(figure, sentences=sentences)


def arms_of(groups: Sequence[parts.PanelRuns]) -> tuple[Arms, ...]:
    """Return each part of each comparison that has a run of the untrained and of another model."""
    result = []
    for group in groups:
        # Two comparisons may have asked the same questions; each is a separate eval set.
        members: dict[tuple[str, str], list[ModelRun]] = {}
        for run in group.runs:
            if "sft_arm" in run.facts and run.run is not None:
                part = str(run.facts.get("sft_part", ""))
                members.setdefault((part, run.header.eval.eval_set_id or ""), []).append(run)
        for (part, _), runs in members.items():
            # The untrained run first.
            runs.sort(key=lambda run: run.facts["sft_arm"] != UNTRAINED)
            if runs[0].facts["sft_arm"] == UNTRAINED and len(runs) > 1:
                result.append((part, replace(group, runs=tuple(runs))))
    return tuple(result)


def trained_figures(comparisons: Sequence[Arms]) -> Iterator[parts.Figure]:
    """Yield a figure of measures before and after fine-tuning for each comparison."""
    ids = [parts.slug("trained", part, group.id) for part, group in comparisons]
    for index, ((part, group), id) in enumerate(zip(comparisons, ids, strict=True), 1):
        if figure := _trained(part, group):
            unique = id if ids.count(id) == 1 else parts.slug(id, str(index))
            yield replace(figure, id=unique)


def _trained(part: str, group: parts.PanelRuns) -> parts.Figure | None:
    """Return the change of each measure from the first run of a group to each other run."""
    first, *others = group.runs
    lines: list[tuple[parts.Cell, ...]] = []
    for name in dict.fromkeys((*ROWS[group.panel.task], "swap_diff")):
        for other in others:
            assert first.run is not None and other.run is not None
            try:
                pair = change(first.run, other.run, name)
            except InputError:
                # The runs share no dilemmas, or lack the data that the measure needs.
                continue
            if not math.isnan(pair.change.value):
                arm, (value, low, high) = str(other.facts["sft_arm"]), pair.change[:3]
                people = compute(first.run, name).human
                numbers = (pair.first, pair.second, value, low, high, people)
                lines.append((arm, find(name).label, *numbers, pair.change.n))
    part = "" if part in ("", group.panel.task) else f", {part.replace('_', ' ')}"
    names = "; ".join(f"“{one.facts['sft_arm']}” ({one.model})" for one in others)
    title, says = f"Before and after{part}", f"From {first.model}, before training, to: {names}."
    heads = ("arm", "quantity", "before", "after", "change", "low", "high", "people", "dilemmas")
    return group.figure("", title, says, (), lines, *heads)
