"""`reference verify`: every stated figure computed again. Needs the raw rows (see `conftest`)."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from kidney_evals.cli.main import main
from kidney_evals.human.raw import find_raw, read_study_2
from kidney_evals.lab.verify import Figure, note, published_split, took_the_coin, verify_models


def figure(sample: str, stated: str, ours: float) -> Figure:
    return Figure(sample, "authors", "dom", "per_answer", stated, ours)


def test_figures_within_a_unit_of_the_last_decimal_and_notes_on_the_others() -> None:
    for stated, ours, meets in (
        ("-0.948", -0.9489, True),
        ("-0.948", -0.9502, False),
        ("0.69", 0.68, True),
    ):
        assert figure("train", stated, ours).meets is meets
    off = figure("new_people", "-0.948", -0.9502)
    # The difference is attributed to the fit only if ours is the higher maximum.
    assert "higher maximum" in note(off, [figure("train", "-0.908", -0.9072), off])
    assert note(off, [figure("train", "-0.907", -0.9072), off]) == "does not come out"
    assert note(figure("test", "-0.930", -0.9306), []) == ""


def test_every_stated_model_comes_out_but_one(raw_dir: Path) -> None:
    figures = verify_models(raw_dir)
    assert len(figures) == 54
    (off,) = (one for one in figures if not one.meets)
    # Stated for the boxed Max-δ is -.948 on new people. Our fit of it reaches more on the training
    # answers, -.9072 beside -.908, and that higher maximum costs .002 on new people.
    assert (off.sample, off.form, off.model) == ("new_people", "authors", "max_delta")
    assert off.ours == pytest.approx(-0.9502, abs=1e-4)
    assert "ours is the higher maximum" in note(off, figures)


def test_the_filter_keeps_106_people_and_raises_the_flip_rate(raw_dir: Path) -> None:
    coin_group = read_study_2(find_raw(raw_dir))[1]
    kept = took_the_coin(coin_group)
    assert (len(kept), int(kept.sum())) == (5297, 4255)
    assert len(np.unique(coin_group.person[kept])) == 106
    assert (coin_group.choice[kept] == 2).mean() == pytest.approx(0.210, abs=5e-4)
    assert int(published_split(coin_group, seed=0).train.sum()) == 402
    # Nobody took the coin every time, whom the authors would drop as well.
    assert np.bincount(coin_group.person, weights=coin_group.choice == 2).max() == 33


@pytest.mark.slow
def test_every_table_is_identical(raw_dir: Path) -> None:
    result = CliRunner().invoke(main, ["reference", "verify", "--data", str(raw_dir)])
    assert result.exit_code == 0, result.output
    last = result.output.strip().splitlines()[-1]
    assert last.startswith("18 of 18 tables identical; 53 of 54 model figures")
    assert result.output.count("  ^ ") == 1
