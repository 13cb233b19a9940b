"""Frames as interactive views of `inspect_viz`, where that is installed; nothing else needs it.

Views are for notebooks and Quarto pages. What they load to draw themselves comes from the network
when they are looked at; `kidney-evals report` draws the same offline, and more of it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from kidney_evals.charts.style import OKABE_ITO
from kidney_evals.errors import UserError
from kidney_evals.reporting.loading import Frames

if TYPE_CHECKING:
    import pandas as pd
    from inspect_viz import Component, Data  # type: ignore[import-not-found, unused-ignore]

PEOPLE: Final = OKABE_ITO["blue"]
MODEL: Final = OKABE_ITO["vermillion"]

BIN: Final = 0.5
"""Width of a bin of closeness, in logits."""

LAST_BIN: Final = 3.0
"""Where the last one starts, which has no end."""


class Views(NamedTuple):
    """What one question's runs say, each view with people as the reference.

    Attributes:
        quantities: A line for each run and row: `name`, `what`, `value`, `low`, `high`, `human`.
        flips: A line for each bin of closeness and run, and for people on the same dilemmas:
            `name`, `closeness` (the bin's start), `share` left to the coin, `n` answers.
        importance: Signed importance shares of each run, with people's.
        indecision: Share of answers left to the coin, with people's; None where there is no coin.
        flip_curve: The same by closeness; None where there is no coin, or no closeness is known.
    """

    quantities: Data
    flips: Data
    importance: Component
    indecision: Component | None
    flip_curve: Component | None


def views_of(frames: Frames, task: str = "coin_flip", study: str | None = None) -> Views:
    """Return the views of the runs that were asked one question.

    Args:
        frames: From `load`.
        task: The condition: `coin_flip` or `forced_choice`.
        study: Id of the study; may be left out where the frames hold one.

    Raises:
        UserError: `inspect_viz` is not installed, the frames hold no such run, or they hold
            several studies and none is named.
    """
    try:
        from inspect_viz import Data
    except ImportError as error:
        raise UserError(
            "views need inspect_viz, which is not installed: pip install inspect-viz"
        ) from error
    chosen = _study(frames, task, study)
    quantities, flips = _quantities(frames, task, chosen), _flips(frames, task, chosen)
    rows, bins = Data(quantities), Data(flips)
    coin = bool(quantities[quantities["row"] == "flip_rate"]["value"].notna().any())
    return Views(
        quantities=rows,
        flips=bins,
        importance=_dots(Data(quantities[quantities["row"] != "flip_rate"]), "importance share"),
        indecision=_dots(
            Data(quantities[quantities["row"] == "flip_rate"]), "share left to the coin"
        )
        if coin
        else None,
        flip_curve=_curve(bins, sorted(set(flips["name"]) - {"people"})) if len(flips) else None,
    )


def _study(frames: Frames, task: str, study: str | None) -> str:
    known: list[str] = sorted(set(frames.runs[frames.runs["task"] == task]["study"]))
    if study is not None and study in known:
        return study
    if study is not None or not known:
        raise UserError(f"no run of {task} on {study or 'any study'} in these frames")
    if len(known) > 1:
        raise UserError(f"runs of {', '.join(known)}: name one as `study`")
    return known[0]


def _quantities(frames: Frames, task: str, study: str) -> pd.DataFrame:
    """Return the rows that are drawn, attributes in words."""
    all_rows = frames.quantities
    kept = all_rows[
        (all_rows["task"] == task)
        & (all_rows["study"] == study)
        & all_rows["row"].str.match(r"^(imp_.*|flip_rate)$")
    ]
    kept = kept.assign(what=[_last_word(label) for label in kept["label"]])
    return kept[["name", "row", "what", "value", "low", "high", "human", "n"]].reset_index(
        drop=True
    )


def _last_word(label: str) -> str:
    """Return what a row is of, without the quantity that its view is named for."""
    return re.sub(r"^importance(, | of )", "", label)


def _flips(frames: Frames, task: str, study: str) -> pd.DataFrame:
    """Return shares left to the coin by closeness, of each run and of people."""
    import pandas as pd

    runs = set(frames.runs[frames.runs["task"] == task]["eval_id"])
    seen = frames.decisions
    seen = seen[
        seen["eval_id"].isin(runs)
        & (seen["study"] == study)
        & ~seen["control"]
        & (seen["outcome"] == "decision")
        & seen["closeness"].notna()
        & seen["human_coin"].notna()
    ]
    bins = (seen["closeness"].astype(float) // BIN * BIN).clip(upper=LAST_BIN)
    seen = seen.assign(bin=bins, flipped=(seen["choice"] == "coin").astype(float))
    asked = seen.drop_duplicates(["dilemma", "closeness"]).assign(
        name="people", flipped=lambda one: one["human_coin"]
    )
    both = pd.concat([seen, asked])
    found = both.groupby(["name", "bin"], sort=True)["flipped"].agg(["mean", "size"]).reset_index()
    found.columns = pd.Index(["name", "closeness", "share", "n"])
    return found.astype({"closeness": float, "share": float, "n": int})


def _dots(data: Data, label: str) -> Component:
    from inspect_viz.mark import dot, rule_y, tick_x  # type: ignore[import-not-found, unused-ignore]
    from inspect_viz.plot import plot  # type: ignore[import-not-found, unused-ignore]

    return plot(
        rule_y(data, y="name", x1="low", x2="high", fy="what", stroke=MODEL),
        dot(data, x="value", y="name", fy="what", fill=MODEL, r=4),
        tick_x(data, x="human", y="name", fy="what", stroke=PEOPLE, stroke_width=3),
        x_label=f"{label} (circles, with 95 % intervals) and people's (bars)",
        y_label=None,
        fy_label=None,
        margin_left=220,
        margin_right=120,
    )


def _curve(data: Data, names: list[str]) -> Component:
    from inspect_viz.mark import dot, line
    from inspect_viz.plot import plot

    others = [color for name, color in OKABE_ITO.items() if name != "blue"]
    colors = [others[index % len(others)] for index in range(len(names))]
    return plot(
        line(data, x="closeness", y="share", stroke="name"),
        dot(data, x="closeness", y="share", fill="name", r=4),
        color_domain=["people", *names],
        color_range=[PEOPLE, *colors],
        legend="color",
        x_label=f"how far apart the patients are, from (bins of {BIN} logits)",
        y_label="share left to the coin",
        y_domain=[0, 1],
    )
