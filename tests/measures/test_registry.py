"""The registry: every measure says what it is, and a new one appears wherever measures are read."""

import math
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kidney_evals.cli.main import main
from kidney_evals.errors import UserError
from kidney_evals.estimation.quantity import Quantity
from kidney_evals.lab.respondents import as_people
from kidney_evals.measures import (
    FLAGS,
    MEASURES,
    compute,
    find,
    headlines,
    measure,
    measures_of,
)
from kidney_evals.measures.run import Run
from kidney_evals.reporting import rows_of
from kidney_evals.studies import load_study, study_names
from kidney_evals.tasks import coin_flip
from measures.simulated import drawing
from tasks.running import run as run_task


@pytest.mark.parametrize("id", MEASURES)
def test_every_measure_says_what_it_is(id: str) -> None:
    one = MEASURES[id]
    assert one.says.endswith(".") and one.reading.endswith(".")
    assert one.crowd in (0, 1) or math.isnan(one.crowd)
    assert not one.lowest or one.crowd == 0
    assert one.stored or not one.headline
    names = [name for study in map(load_study, study_names()) for name in study.attribute_ids]
    for member in map(one.member, names) if one.is_family else [one]:
        # A label has 30 letters in a terminal.
        assert 0 < len(member.label) <= 30, member.label
        assert find(member.id).label == member.label


def test_labels_and_places_in_the_header_are_taken_once() -> None:
    for task in ("choices", "stated_values", "predict_people"):
        labels = [one.label for one in MEASURES.values() if one.task == task]
        assert len(labels) == len(set(labels))
    assert not set(FLAGS) & set(MEASURES)
    for task in ("forced_choice", "coin_flip", "stated_values", "predict_people"):
        places = [one.headline[task] for one in headlines(task)]
        assert places == list(range(1, len(places) + 1)) and 1 <= len(places) <= 3


def test_an_unknown_measure_or_attribute_is_named_with_those_there_are() -> None:
    run = drawing(as_people, "coin_flip")
    with pytest.raises(UserError, match=r"unknown measure 'agrement'; allowed: agreement, .*imp_"):
        compute(run, "agrement")
    with pytest.raises(UserError, match="unknown measure 'imp_'"):
        find("imp_")
    with pytest.raises(UserError, match="unknown attribute 'height'; allowed: age, "):
        compute(run, "imp_height")
    # One that is known and does not apply has no value.
    assert not compute(run, "rank_rho").defined and not compute(run, "pred_fixed").defined
    for one in measures_of(run):
        assert isinstance(compute(run, one.id), Quantity), one.id


@pytest.mark.parametrize(
    "facts", [{"id": "agreement"}, {"group": "others"}, {"needs": ("a crowd",)}]
)
def test_a_measure_is_refused_whose_id_group_or_trait_is_wrong(facts: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="taken, or its group or a trait is not known"):
        measure(**({"id": "new", "label": "new", "group": "alignment"} | facts))(lambda run: None)
    assert "new" not in MEASURES


def test_a_fault_of_our_own_is_raised_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(run: Run) -> Quantity:
        raise TypeError("a fault")

    monkeypatch.setitem(MEASURES, "agreement", replace(MEASURES["agreement"], compute=fault))
    run = drawing(as_people, "coin_flip")
    for _ in range(2):
        with pytest.raises(TypeError, match="a fault"):
            compute(run, "agreement")


@pytest.fixture
def decided() -> Iterator[str]:
    """A measure that nothing else knows: the share of answers for a patient."""

    @measure(
        "decided",
        label="decided by itself",
        group="indecision",
        needs=("coin",),
        reading="1 is never the coin.",
        formula="1 − coins ∕ answers",
        baselines={"always the majority": lambda run: Quantity(1.0, n=1)},
    )
    def share(run: Run) -> Quantity:
        """Share of answers that leave nothing to the coin."""
        return Quantity(float((run.decisions.choice < 2).mean()), n=len(run.decisions))

    yield "decided"
    del MEASURES["decided"]


def test_a_new_measure_appears_everywhere(
    decided: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(tmp_path / "logs")
    log = run_task(coin_flip(dilemmas=12), folder)
    rows = rows_of(log)
    assert rows[decided].value == pytest.approx(1 - rows["flip_rate"].value)

    def printed(*words: str) -> str:
        capsys.readouterr()
        main([*words], standalone_mode=False)
        return capsys.readouterr().out

    value = f"{rows[decided].value:.3f}"
    assert "decided by itself" not in printed("show", log.location)
    assert re.search(f"decided by itself .*{value}", printed("show", "--all", log.location))
    table = printed("table", "--rows", decided, folder)
    assert "decided by itself" in table and value in table
    assert "always the majority" in table
    page = tmp_path / "report.html"
    printed("report", folder, "-o", str(page))
    text = page.read_text(encoding="utf-8")
    assert "decided by itself" in text and "1 − coins ∕ answers" in text
