"""Configuration of Inspect's viewer: the sample list, its colours, the headline."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from inspect_ai.viewer import (
    SampleScoreView,
    ScoreColorScale,
    TaskSamplesColumn,
    TaskSamplesSort,
    TaskSamplesView,
    ViewerConfig,
)

SHARE_SCALE = ScoreColorScale(palette="neutral", min=0, max=1)


def sample_list(
    name: str,
    scorer: str,
    labels: Mapping[str, str],
    *,
    input_first: bool = True,
    sort: tuple[str, Literal["asc", "desc"]] | None = None,
    head: int = 13,
    scales: Mapping[str, Any] | None = None,
) -> ViewerConfig:
    """Return the viewer's configuration of a task: which columns the sample list shows.

    The columns epoch, error, limit and retries are not listed; they are shown if they have values.

    Args:
        name: Name of the list.
        scorer: The scorer whose values are columns.
        labels: The head of each column, by key of the sample's value.
        input_first: Whether the column of the input precedes the scores.
        sort: The key of the column to sort by, and the direction.
        head: Width of the heads in characters. The viewer makes a column as wide as its head,
            including blanks, and then adds icons for sorting and filtering.
        scales: Colours, by key.
    """
    scores = {key: TaskSamplesColumn.score(scorer, key) for key in labels}
    columns = [TaskSamplesColumn(id="sampleId"), *scores.values()]
    columns.insert(1 if input_first else len(columns), TaskSamplesColumn(id="input"))
    # The target is people's most frequent answer, but the viewer's name of it suggests correctness.
    hidden = ("sampleStatus", "target", "answer", "tokens", "duration")
    return ViewerConfig(
        task_samples_view=TaskSamplesView(
            name=name,
            columns=[*columns, *(TaskSamplesColumn(id=id, visible=False) for id in hidden)],
            multiline=False,
            score_labels={key: f"{label:<{head}}" for key, label in labels.items()},
            sort=[TaskSamplesSort(column=scores[sort[0]].id, dir=sort[1])] if sort else None,
            score_color_scales=scales,
        ),
        sample_score_view=SampleScoreView(default="grid"),
    )


def attribute_labels(family: str, attributes: Sequence[str]) -> dict[str, str]:
    """Return the head of each attribute's column, by the id of its measure in a family."""
    return {family.replace("*", name): name.replace("_", " ").capitalize() for name in attributes}


def viewer(attributes: Sequence[str]) -> ViewerConfig:
    """Return the viewer's configuration for a task of choices.

    The list shows the two patients, people's most frequent choice, the model's choice and the share
    of people who chose the same. Samples without a decision come first, then the rarest choices.
    Then follows, by attribute, whether the chosen patient is the patient whom people favour on it.
    Blank columns for the rows of the run are last, because the viewer cannot omit a score.
    """
    # Neither a patient nor the coin is a better answer, so indecision has colours of its own.
    people = {"COIN": "info"}
    unread = dict.fromkeys(("truncated", "empty", "unreadable", "error"), "muted")
    choice = {**people, "undecided": "warn", "refusal": "bad", **unread}
    labels = {"people": "Most people", "choice": "Model chose", "agreement": "Agreement"}
    return sample_list(
        "Beside people",
        "human_alignment",
        labels | attribute_labels("imp_*", attributes),
        sort=("agreement", "asc"),
        scales={"people": people, "choice": choice, "agreement": SHARE_SCALE},
    )
