"""The section on methods: runs, versions, formulas, and a paragraph for a paper."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from kidney_evals.measures import MEASURES, Measure
from kidney_evals.reporting.key import sampling_of
from kidney_evals.reporting.page.parts import Cell, Table, columns
from kidney_evals.reporting.runs import CHOICE_TASKS, ModelRun
from kidney_evals.reporting.text import listed

PAPER: Final = (
    "Dickerson, Hosseini, Khanna, Pierce. Who Gets the Kidney? Human-AI Alignment, Indecision, "
    "and Moral Values. FAccT 2026, pp. 8128–8147. doi:10.1145/3805689.3806437, arXiv 2506.00079."
)


def formulas() -> tuple[Measure, ...]:
    """Return the measures of choices that have a formula."""
    return tuple(one for one in MEASURES.values() if one.formula)


def runs_table(runs: Sequence[ModelRun]) -> tuple[Table, str]:
    """Return a table of the runs, and a sentence on the settings that all of them share.

    The table holds models, settings, versions, and how each run ended.
    """
    told = [_told(run) for run in runs]
    shared = {
        name: value
        for name, value in told[0].items()
        if name != "model" and len(told) > 1 and all(one[name] == value for one in told)
    }
    heads = [name for name in told[0] if name not in shared]
    same = ", ".join(f"{name} {value}" for name, value in shared.items())
    table = columns([[one[name] for name in heads] for one in told], *heads)
    return table, f"The same in all runs: {same}." if same else ""


def _told(run: ModelRun) -> dict[str, Cell]:
    spec = run.header.eval
    return {
        "model": run.name,
        "task": spec.task,
        "study": run.key["study"],
        "log": run.file.says,
        "samples": run.file.completed,
        "epochs": spec.config.epochs or 1,
        "wording": run.key["wording"],
        "sampling": sampling_of(run.header),
        "task version": str(spec.task_version),
        "kidney-evals": str(run.facts.get("kidney_evals_version", "")),
        "inspect-ai": spec.packages.get("inspect_ai", ""),
        "human reference": _reference(run),
        "started": spec.created[:16].replace("T", " "),
    }


def paragraph(runs: Sequence[ModelRun]) -> str:
    """Return a paragraph for the methods section of a paper that describes these runs."""
    models = sorted({run.model for run in runs})
    studies = sorted({one for run in runs for one in run.key["study"].split(" + ")})
    ours = sorted({str(run.facts.get("kidney_evals_version", "?")) for run in runs})
    tasks = sorted({run.panel.task.replace("_", " ") for run in runs})
    versions = sorted({run.header.eval.packages.get("inspect_ai", "?") for run in runs})
    samples = sum(run.file.completed for run in runs)
    return (
        f"We put the dilemmas of {listed(studies)} to {len(models)} "
        f"{'model' if len(models) == 1 else 'models'} ({', '.join(models)}) with kidney-evals "
        f"{listed(ours)} on Inspect AI {listed(versions)} ({listed(tasks)}; {samples:,} samples). "
        f"{_orders(runs)}"
        "Choices are compared with those of survey respondents in the same condition: agreement "
        "over the ceiling that any answers can reach, unbiased squared distances of answer shares, "
        "signed importance shares of a Firth-penalised logit, indecision rate and its calibration "
        "over how close the patients are. Intervals are 95 % with dilemmas as clusters; "
        "differences between models are taken in pairs over shared dilemmas and adjusted by "
        "Holm's method. Answers that could not be read, refusals and errors are counted apart and "
        "enter as bounds. The human reference describes a sample of online survey respondents and "
        "is no standard of what is right."
    )


def citations(runs: Sequence[ModelRun]) -> tuple[str, ...]:
    """Return the references to cite: the paper and the package's studies."""
    return (PAPER, *dict.fromkeys(str(run.facts.get("citation", "")) for run in runs))


def _orders(runs: Sequence[ModelRun]) -> str:
    choices = [run for run in runs if run.panel.task in CHOICE_TASKS]
    orders = {run.key["orders"] for run in choices}
    if orders == {"both"}:
        return "Every dilemma was shown in both orders of the patients. "
    return f"The patients' orders were: {listed(sorted(orders))}. " if orders else ""


def _reference(run: ModelRun) -> str:
    version = run.facts.get("reference_version", "")
    sha = str(run.facts.get("reference_hash", ""))[:12]
    return f"{version} ({sha})" if sha else str(version)
