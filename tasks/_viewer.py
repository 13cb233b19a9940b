"""Configuration of Inspect's viewer: the sample list, its colours, the grid of a score."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from inspect_ai.dataset import Sample
from inspect_ai.viewer import (
    SampleScoreView,
    ScoreColorScale,
    TaskSamplesColumn,
    TaskSamplesSort,
    TaskSamplesView,
    ViewerConfig,
)

_INPUT = 60
"""Number of characters of the input that the sample list shows on one line."""

SHARE_SCALE = ScoreColorScale(palette="neutral", min=0, max=1)


def sample_list(
    name: str,
    scorer: str,
    labels: Mapping[str, str],
    *,
    rows: Sequence[str] = (),
    multiline: bool = False,
    input_first: bool = True,
    sort: tuple[str, Literal["asc", "desc"]] | None = None,
    head: int = 13,
    scales: Mapping[str, Any] | None = None,
) -> ViewerConfig:
    """Return the viewer's configuration of a task, with the columns of its sample list.

    Args:
        name: Title of the list.
        scorer: The scorer whose values are shown.
        labels: The head of the column of each value, by the value's key.
        rows: Rows of the log, which are blank in samples. The viewer cannot hide their columns,
            which come last and have no head.
        multiline: Whether the input may take several lines.
        input_first: Whether the input is the first column after the sample's id, not the last.
        sort: The key by which the list is sorted, and the direction.
        head: Width of the heads, in characters.
        scales: The colours of a value, by the value's key.
    """
    scores = {key: TaskSamplesColumn.score(scorer, key) for key in labels}
    columns = [TaskSamplesColumn(id="sampleId"), *scores.values()]
    columns.insert(1 if input_first else len(columns), TaskSamplesColumn(id="input"))
    # Epoch, error, limit and retries are in neither list: they are shown if they have values.
    # The target is people's most frequent answer, but the viewer's name of it suggests correctness.
    hidden = ("sampleStatus", "target", "answer", "tokens", "duration")
    blank = {row: "" for row in rows if row not in labels}
    return ViewerConfig(
        task_samples_view=TaskSamplesView(
            name=name,
            columns=[*columns, *(TaskSamplesColumn(id=id, visible=False) for id in hidden)],
            multiline=multiline,
            # A column is as wide as its head, blanks included, and icons to sort and filter.
            score_labels=blank | {key: f"{label:<{head}}" for key, label in labels.items()},
            sort=[TaskSamplesSort(column=scores[sort[0]].id, dir=sort[1])] if sort else None,
            score_color_scales=scales,
        ),
        sample_score_view=SampleScoreView(default="grid"),
    )


def attribute_labels(family: str, attributes: Sequence[str]) -> dict[str, str]:
    """Return the head of each attribute's column, by the id of the attribute's measure.

    Args:
        family: Id of the family of measures, with `*` in place of the attribute.
        attributes: Ids of the attributes.
    """
    return {family.replace("*", name): name.replace("_", " ").capitalize() for name in attributes}


def viewer(
    samples: Sequence[Sample],
    rows: Sequence[str],
    attributes: Sequence[str],
    levels: Sequence[str] = (),
) -> ViewerConfig:
    """Return the viewer's configuration for a task of choices.

    If people were asked, samples without a decision come first, then the choices that fewest people
    share. The column of an attribute says whether the chosen candidate is the favoured one.

    Args:
        samples: The samples of the task.
        rows: Ids of the measures in its log.
        attributes: Ids of the study's attributes.
        levels: Ids of the levels of a probe that have a column.
    """
    # Neither a candidate nor the coin is a better answer, so indecision has colours of its own.
    unread = dict.fromkeys(("truncated", "empty", "unreadable", "error"), "muted")
    choice = {"COIN": "info", "undecided": "warn", "refusal": "bad", **unread}
    inputs = (sample.input[-1] for sample in samples if not isinstance(sample.input, str))
    people = "People A/B/coin" if "flip_rate" in rows else "People A/B"
    labels = {"people": f"{people} %", "choice": "Model chose", "agreement": "Agreement"}
    if not (asked := "agreement" in rows):
        labels = {"choice": labels["choice"]}
    return sample_list(
        "Beside people" if asked else "Choices",
        "human_alignment",
        labels | attribute_labels("imp_*", attributes) | attribute_labels("amce_*", levels),
        rows=rows,
        multiline=max(len(one.text) for one in inputs) > _INPUT,
        sort=("agreement", "asc") if asked else None,
        scales={"choice": choice} | ({"agreement": SHARE_SCALE} if asked else {}),
    )
