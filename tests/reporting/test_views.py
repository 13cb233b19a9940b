"""Views of `inspect_viz`: frames with people in them, and one line where it is missing."""

import builtins
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from kidney_evals.errors import UserError
from kidney_evals.reporting.loading import Frames, load
from kidney_evals.reporting.views import LAST_BIN, Views, views_of
from reporting.conftest import Made

pytest.importorskip("pyarrow")


@pytest.fixture(scope="module")
def frames(made: Made) -> Frames:
    return load([made.coin, made.forced])


@pytest.fixture(scope="module")
def views(frames: Frames) -> Views:
    pytest.importorskip("inspect_viz")
    return views_of(frames)


def _frame(data: Any) -> pd.DataFrame:
    found = data._ndf.to_native()
    assert isinstance(found, pd.DataFrame)
    return found


def test_quantities_are_those_of_the_log_with_people(views: Views, frames: Frames) -> None:
    drawn = _frame(views.quantities).set_index("row")
    known = frames.quantities[frames.quantities["task"] == "coin_flip"].set_index("row")
    assert set(drawn.index) == {"imp_age", "imp_drinks", "imp_dependents", "flip_rate"}
    for column in ("value", "low", "high", "human"):
        assert drawn[column].to_dict() == known.loc[drawn.index, column].to_dict()
    assert drawn["what"].to_dict()["imp_age"] == "age"


def test_flips_are_shares_of_decisions_beside_people(views: Views, frames: Frames) -> None:
    seen = frames.decisions[
        (frames.decisions["condition"] == "coin_flip") & ~frames.decisions["control"]
    ]
    flips = _frame(views.flips)
    model, people = flips[flips["name"] != "people"], flips[flips["name"] == "people"]
    assert model["n"].sum() == len(seen) == 12 and people["n"].sum() == 6
    assert model["share"] @ model["n"] == (seen["choice"] == "coin").sum()
    assert people["share"] @ people["n"] == pytest.approx(
        seen.drop_duplicates("dilemma")["human_coin"].sum()
    )
    assert flips["closeness"].max() <= LAST_BIN


def test_views_are_written(views: Views, frames: Frames, tmp_path: Path) -> None:
    from inspect_viz.plot import write_html  # type: ignore[import-not-found, unused-ignore]

    for name in ("importance", "indecision", "flip_curve"):
        write_html(tmp_path / f"{name}.html", getattr(views, name))
        assert (tmp_path / f"{name}.html").stat().st_size > 1000
    forced = views_of(frames, "forced_choice")
    assert forced.indecision is None and forced.flip_curve is None and forced.importance


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"task": "stated_values"}, "no run of stated_values on any study"),
        ({"study": "another"}, "no run of coin_flip on another"),
    ],
)
def test_what_is_not_there_is_one_line(asked: dict[str, str], says: str, frames: Frames) -> None:
    pytest.importorskip("inspect_viz")
    with pytest.raises(UserError, match=says):
        views_of(frames, **asked)


def test_without_it_there_is_one_line(frames: Frames, monkeypatch: pytest.MonkeyPatch) -> None:
    real: Callable[..., Any] = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.split(".")[0] == "inspect_viz":
            raise ImportError("No module named 'inspect_viz'")
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UserError, match="pip install inspect-viz") as told:
        views_of(frames)
    assert "\n" not in str(told.value)
