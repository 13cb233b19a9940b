"""Making `readout.csv`: calls for one width of interval, sampled and read out.

    python -m kidney_evals.planning.readout             # two minutes of one core
    python -m kidney_evals.planning.readout --out FILE

See the card beside the table for what it holds.
"""

from __future__ import annotations

import argparse
import csv
import io
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import numpy as np

from kidney_evals.estimation.arrays import Floats
from kidney_evals.estimation.respondent_baselines import answer_shares
from kidney_evals.human.reference import load_reference
from kidney_evals.measures.rows import measure
from kidney_evals.measures.run import Run
from kidney_evals.studies import Condition, dilemmas_of, load_study

TABLE: Final = Path(__file__).with_name("readout.csv")
COLUMNS: Final = ("respondent", "row", "half_width", "sampled", "read_out", "ratio")

TARGETS: Final[Mapping[str, float]] = {"flip_rate": 0.03, "swap_diff": 0.05, "imp_age": 0.03}
"""Half widths of intervals that hold no error of people's, so that more calls always help."""

RESPONDENTS: Final[Mapping[str, str]] = {
    "human": "draws each answer from people's shares",
    "sharp": "the same with odds to the power of four: nearly steady",
    "uniform": "every answer alike, whoever the patients are",
}
CONDITION: Final[Condition] = "coin_flip"
FIRST_GUESS: Final = 200
LEAST: Final = 25
MOST: Final = 3000
SEEDS: Final = 8


def calls_needed(respondent: str, row: str, *, read_out: bool) -> int:
    """Return calls, two a dilemma, at which an interval's mean half width meets its target.

    The width at the number of dilemmas that the root law foretells is measured, twice over.

    Args:
        respondent: One of `RESPONDENTS`.
        row: One of `TARGETS`.
        read_out: Whether probabilities are read out.
    """
    count = FIRST_GUESS
    for _ in range(3):
        width = half_width(respondent, row, count, read_out=read_out)
        count = math.ceil(count * (width / TARGETS[row]) ** 2)
        count = min(max(count, LEAST), MOST)
    return 2 * count


def half_width(respondent: str, row: str, dilemmas: int, *, read_out: bool) -> float:
    """Return the mean half width of a row's interval over equivalent forms of a run."""
    found = []
    for seed in range(SEEDS):
        got = measure(simulated(respondent, dilemmas, seed, read_out=read_out), row)
        found.append((got.high - got.low) / 2)
    return float(np.nanmean(found))


def simulated(respondent: str, dilemmas: int, seed: int, *, read_out: bool) -> Run:
    """Return one run over freshly drawn dilemmas, in both orders."""
    study = load_study("mcelfresh_2021")
    reference = load_reference(study, CONDITION)
    listed = tuple(sorted(dilemmas_of(study, dilemmas, 1000 + seed), key=lambda one: one.id))
    chances = np.tile(_answers(reference.shares(listed), respondent), (2, 1))
    random = np.random.default_rng((20265, seed, dilemmas))
    point = random.random((len(chances), 1))
    drawn = np.minimum((chances.cumsum(axis=1) < point).sum(axis=1), 2)
    choice = chances.argmax(axis=1) if read_out else drawn
    n = len(choice)
    return Run(
        study=study,
        reference=reference,
        dilemmas=listed,
        dilemma=np.tile(np.arange(dilemmas), 2),
        order=np.repeat([0, 1], dilemmas),
        epoch=np.ones(n, dtype=np.int64),
        choice=choice,
        first_choice=choice,
        outcomes=np.full(n, "decision"),
        departures=np.zeros(n, dtype=np.bool_),
        chances=chances if read_out else None,
    )


def _answers(shares: Floats, respondent: str) -> Floats:
    if respondent == "sharp":
        power = shares**4
        return np.asarray(power / power.sum(axis=1, keepdims=True), dtype=np.float64)
    return answer_shares(shares, "uniform" if respondent == "uniform" else "one_person")


def lines() -> Iterator[dict[str, object]]:
    """Yield the table's lines; a row without a value for a respondent is left out."""
    for respondent in RESPONDENTS:
        for row, target in TARGETS.items():
            if respondent == "uniform" and row.startswith("imp"):
                continue
            one, other = (calls_needed(respondent, row, read_out=how) for how in (False, True))
            yield dict(
                zip(COLUMNS, (respondent, row, target, one, other, round(one / other, 1)),
                    strict=True)
            )  # fmt: skip


def table() -> str:
    """Return the table as CSV."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines())
    return out.getvalue()


def markdown() -> str:
    """Return the shipped table as Markdown, for the README."""
    with TABLE.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    head = "| respondent | row | half width | calls, sampled | calls, read out |"
    return "\n".join(
        [
            head,
            "| --- | --- | --- | --- | --- |",
            *(
                f"| {one['respondent']} | `{one['row']}` | ±{one['half_width']} | "
                f"{one['sampled']} | {one['read_out']} |"
                for one in rows
            ),
        ]
    )


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=TABLE)
    parser.parse_args().out.write_text(table(), encoding="utf-8")


if __name__ == "__main__":
    main()
