"""The table of respondents with known values, to which a model's values can be compared."""

import tempfile
from collections.abc import Sequence

from kidney_evals.card import Card, Finding
from kidney_evals.card.numbers import percent, short
from kidney_evals.lab.table_text import markdown_table
from kidney_evals.reporting.rows import Rows, rows_of
from kidney_evals.studies import CONDITIONS, Condition

RESPONDENTS = (
    *("human", "majority", "never_flips", "uniform", "lexicographic", "anti_human", "first"),
    *("coin", "refuser"),
)
"""Respondents of the table, by name."""

_COLUMNS = {
    "weights": "weighs the same things",
    "decided": "as decided",
    "often": "flips as often",
    "where": "flips where people do",
    "swap": "survives a swap",
}
"""Heads of the table's columns, by the id of the card's question."""

Results = dict[tuple[Condition, str], Rows]
"""The rows of each run, by condition and respondent."""


def run_known(dilemmas: int, respondents: Sequence[str] = RESPONDENTS) -> Results:
    """Run both conditions of the default study on simulated respondents, offline.

    Return the rows of each run by condition and respondent.

    Args:
        dilemmas: Number of dilemmas in each run.
        respondents: Names of the respondents, without `kidney/`.
    """
    from inspect_ai import eval

    from kidney_evals.tasks import coin_flip, forced_choice

    results: Results = {}
    with tempfile.TemporaryDirectory() as folder:
        # Sequentially: concurrent runs cost several times as much.
        for name in respondents:
            logs = eval(
                [forced_choice(dilemmas=dilemmas), coin_flip(dilemmas=dilemmas)],
                model=f"kidney/{name}",
                log_dir=folder,
                # "none" is as silent, but still lays out the table of every run and discards it.
                display="log",
                log_realtime=False,  # nobody watches these runs, and its database costs a third
            )
            for log in logs:
                results[((log.eval.metadata or {})["condition"], name)] = rows_of(log)
    return results


def markdown(results: Results) -> str:
    """Format the cards of `run_known` as one Markdown table for each condition.

    A cell holds a verdict and the value of the first measure behind it. "answered" is the share of
    samples with an answer; in a readout "mass" is the mean probability of all offered answers.
    """
    parts = []
    for condition in CONDITIONS:
        cards = {
            name: (rows.card, _answered(rows))
            for (asked, name), rows in results.items()
            if asked == condition and rows.card is not None
        }
        shown = [id for id in _COLUMNS if any(card.finding(id) for card, _ in cards.values())]
        table = [
            (f"`{name}`", answered, *(_cell(card.finding(id)) for id in shown), _nearest(card))
            for name, (card, answered) in cards.items()
        ]
        heads = ("respondent", "answered", *(_COLUMNS[id] for id in shown), "most like")
        if table:
            parts.append(f"**`{condition}`**\n\n{markdown_table(heads, 'l' * len(heads), table)}")
    return "\n\n".join(parts)


def _answered(rows: Rows) -> str:
    text = percent(rows["coverage"].value)
    if "outside" not in rows:
        return text
    return f"{text}, mass {short(1 - rows['outside'].value, digits=2)}"


def _nearest(card: Card) -> str:
    """Return the nearest respondent's id, or why none is named; empty without a comparison."""
    found = card.nearest
    if found is None:
        return ""
    return f"`{found.name}`" if found.outcome == "named" else found.outcome


def _cell(finding: Finding | None) -> str:
    if finding is None:
        return ""
    value = short(finding.parts[0].quantity.value, digits=2)
    return f"{finding.verdict} {value}".strip()
