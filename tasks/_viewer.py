"""How a run looks in Inspect's viewer: the sample list, its colours, the headline."""

from collections.abc import Mapping, Sequence
from typing import Literal

from inspect_ai.log import HeadlineMetric
from inspect_ai.viewer import (
    SampleScoreView,
    ScoreColorScale,
    TaskSamplesColumn,
    TaskSamplesSort,
    TaskSamplesView,
    ViewerConfig,
)

from kidney_evals.measures import find, headlines
from kidney_evals.studies import Condition

PEOPLE = TaskSamplesColumn.score("answers", "people")
CHOICE = TaskSamplesColumn.score("answers", "choice")
AGREEMENT = TaskSamplesColumn.score("human_alignment", "agreement")

LABELS = {"people": "Most people", "choice": "Model chose", "agreement": "Agreement"}
"""Heads of the sample list's score columns."""

HIDDEN = tuple(
    TaskSamplesColumn(id=name, visible=False)
    # The target is what most people chose, under a name that says "right".
    for name in ("sampleStatus", "target", "answer", "tokens", "duration")
)
"""Columns of Inspect's own that say nothing here, in every task."""

HEAD = 13
"""Letters that fill the widest head of a score column.

The viewer makes a column as wide as its head has letters, blanks included, and then puts the
signs of sorting and filtering into it: heads are filled up to leave room for these.
"""


Role = Literal["good", "bad", "warn", "info", "muted"]

PEOPLE_ROLES: Mapping[str, Role] = {"COIN": "info"}
"""Neither a patient nor the coin is better or worse: indecision has colours of its own."""

CHOICE_ROLES: Mapping[str, Role] = {
    **PEOPLE_ROLES,
    "undecided": "warn",
    "refusal": "bad",
    "truncated": "muted",
    "empty": "muted",
    "unreadable": "muted",
    "error": "muted",
}


def viewer(attributes: Sequence[str]) -> ViewerConfig:
    """Return the viewer's configuration for a task.

    The list shows the two patients, what most people chose, what the model chose and the share
    of people who chose the same, rarest choices first; then, by attribute, whether the chosen
    patient is the one whom people favour on it. The rows of the run follow to the right, blank:
    the viewer offers no way to leave out a score.

    Args:
        attributes: Ids of the study's attributes.
    """
    by_attribute = {find("imp_*").member(name).id: name for name in attributes}
    labels = LABELS | {row: name.replace("_", " ") for row, name in by_attribute.items()}
    return ViewerConfig(
        task_samples_view=TaskSamplesView(
            name="Beside people",
            # Not listed, and so shown only where there is something to show: epoch, error,
            # limit, retries.
            columns=[
                TaskSamplesColumn(id="sampleId"),
                TaskSamplesColumn(id="input"),
                PEOPLE,
                CHOICE,
                AGREEMENT,
                *(TaskSamplesColumn.score("answers", row) for row in by_attribute),
                *HIDDEN,
            ],
            sort=[TaskSamplesSort(column=AGREEMENT.id, dir="asc")],
            multiline=False,
            score_labels={row: f"{head.capitalize():<{HEAD}}" for row, head in labels.items()},
            score_color_scales={
                "people": PEOPLE_ROLES,
                "choice": CHOICE_ROLES,
                "agreement": ScoreColorScale(palette="neutral", min=0, max=1),
            },
        ),
        sample_score_view=SampleScoreView(default="grid"),
    )


def headline(condition: Condition) -> HeadlineMetric:
    """Return the figure that stands for a run in the log list."""
    row = headlines(condition)[0].id
    scorer = {"forced_choice": "human_alignment", "coin_flip": "indecision"}[condition]
    # The first column of the row: its value, or n where there is none.
    return HeadlineMetric(scorer=scorer, score=row)
