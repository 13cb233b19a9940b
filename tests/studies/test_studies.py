"""Studies: the drawn and the listed dilemmas, and the message for a faulty request."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kidney_evals.errors import UserError
from kidney_evals.studies import (
    Dilemma,
    Patient,
    datasets_dir,
    dilemmas_of,
    draw_orders,
    load_study,
    study_names,
)
from study_folders import copied, edit

DEFAULT, FIXED = "mcelfresh_2021", "mcelfresh_2021_fixed"


@pytest.mark.parametrize(
    ("name", "count", "dominance", "epochs"),
    [
        # Figures of the sources: 14 valid questions (10 have a dominating patient), 28 pairs =
        # 19 dominance + 9 conflict, 3 easy + 3 hard pairs.
        (FIXED, 14, 10, 10),
        ("freedman_2020", 28, 19, 5),
        ("boerstler_2024", 6, 2, 10),
    ],
)
def test_listed_studies(name: str, count: int, dominance: int, epochs: int) -> None:
    study = load_study(name)
    listed = dilemmas_of(study, None, None)
    assert len(listed) == count
    assert sum(study.dominating(dilemma) is not None for dilemma in listed) == dominance
    assert (study.control_block, study.epochs) == ((), epochs)
    assert "canary GUID" in study.canary


@pytest.mark.parametrize("name", ["icu_bed", "liver", "school_place"])
def test_studies_of_other_goods_have_nobodys_answers(name: str) -> None:
    study = load_study(name)
    assert study.people == {"forced_choice": 0, "coin_flip": 0}
    assert not (study.path / "reference").exists()
    assert Counter(one.kind for one in study.control_block) == {"dominance": 5, "identical": 5}
    assert len(dilemmas_of(study, 400, None)) == 400
    # Each of them can be put in the wordings that tell the situation afresh or give a role.
    assert study.words.committee and study.words.retold and study.words.survey
    if name == "icu_bed":
        # No control takes it for granted that a disability counts against a patient.
        place = study.attribute_ids.index("disability")
        values = [(one.first.values, one.second.values) for one in study.control_block]
        assert all(first[place] == second[place] for first, second in values)


def test_every_shipped_study_loads_and_the_default_comes_first() -> None:
    names = study_names()
    assert names[0] == DEFAULT
    assert set(names) == {path.parent.name for path in datasets_dir().glob("*/study.yaml")}
    assert len({load_study(name).canary for name in names}) == len(names)


def test_draws_are_nested_distinct_and_pinned() -> None:
    study = load_study(DEFAULT)
    assert study.draw is not None
    largest = dilemmas_of(study, 400, None)
    for size in study.draw.sets:
        assert dilemmas_of(study, size, None) == largest[:size]
    pairs = {frozenset({one.first.values, one.second.values}) for one in largest}
    assert len(pairs) == 400 and all(len(pair) == 2 for pair in pairs)
    assert not set(dilemmas_of(study, 50, 1)) & set(dilemmas_of(study, 50, 2))
    # A change of the drawing algorithm would silently ask different questions under the same
    # task version.
    assert [(one.first.values, one.second.values) for one in largest[:2]] == [
        ((64, 5, 1), (36, 4, 1)),
        ((26, 2, 1), (61, 3, 0)),
    ]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_any_block_of_ten_covers_the_domain(seed: int) -> None:
    drawn = dilemmas_of(load_study(DEFAULT), 10, seed)
    # Ten strata over 5 levels of drinking: each level exactly twice for each patient, unless
    # one of the rare repeats was drawn again.
    for side in ("first", "second"):
        counts = Counter(getattr(one, side).values[1] for one in drawn)
        assert sum(abs(counts[level] - 2) for level in (1, 2, 3, 4, 5)) <= 2


@given(count=st.integers(0, 60), seed=st.integers(0, 10**6))
def test_random_orders_are_balanced_in_every_pair(count: int, seed: int) -> None:
    orders = draw_orders(count, seed)
    assert len(orders) == count
    for start in range(0, count - 1, 2):
        assert set(orders[start : start + 2]) == {"ab", "ba"}


def test_the_dominating_patient_of_a_control_stands_on_both_sides() -> None:
    # Otherwise a respondent who says A would pass.
    study = load_study(DEFAULT)
    sides = Counter(study.dominating(control, strict=True) for control in study.control_block)
    assert sides == {"first": 3, "second": 2, None: 5}


def test_differences_are_in_favoured_scale_units() -> None:
    study = load_study(DEFAULT)

    def between(first: tuple[float, ...], second: tuple[float, ...]) -> Dilemma:
        return Dilemma("d", Patient(first), Patient(second), "drawn")

    dilemma = between((30, 1, 2), (55, 4, 0))
    # 25 years younger = 2.5 units of ten years, 3 drinks fewer, 2 dependents more.
    assert study.differences(dilemma) == (2.5, 3.0, 2.0)
    assert study.spans == (4.5, 4.0, 2.0)
    assert study.dominating(dilemma) == study.dominating(dilemma, strict=True) == "first"
    equal_age = between((30, 4, 0), (30, 1, 2))
    assert study.dominating(equal_age) == "second"
    assert study.dominating(equal_age, strict=True) is None
    assert study.dominating(between((30, 4, 2), (30, 1, 0))) is None
    assert study.summary(dilemma.first) == "30 years, 1 drink a day, 2 children"
    assert study.summary(Patient((55, 4, 0))) == "55 years, 4 drinks a day, 0 children"


def test_sample_ids_are_readable_and_follow_the_content() -> None:
    study = load_study(DEFAULT)
    one, two = dilemmas_of(study, 2, None)
    ids = {study.sample_id(dilemma, order) for dilemma in (one, two) for order in ("ab", "ba")}
    assert len(ids) == 4
    assert study.sample_id(one, "ab").startswith("d000-ab-")
    moved = Dilemma(one.id, one.second, one.first, one.kind)
    assert study.sample_id(moved, "ab") != study.sample_id(one, "ab")


def test_a_folder_outside_the_package_is_a_study_with_a_hash_of_its_content(tmp_path: Path) -> None:
    folder = copied(FIXED, tmp_path / "mine")
    mine, shipped = load_study(folder), load_study(FIXED)
    assert (mine.listed, mine.hash) == (shipped.listed, shipped.hash)
    assert mine.source == str(folder)
    edit(folder, "study.yaml", "drank lightly", "drank a little")
    after = load_study(folder)
    assert after.hash != mine.hash
    assert after.attributes[1].describe(1) == "drank a little"


@pytest.mark.parametrize(
    ("study", "count", "seed", "says"),
    [
        (DEFAULT, 0, None, "from 1 to"),
        (DEFAULT, True, None, "whole number"),
        (DEFAULT, 10**9, None, "from 1 to"),
        (DEFAULT, 50, "x", "draw_seed must be a whole number"),
        (FIXED, 15, None, "from 1 to 14"),
        (FIXED, None, 3, "takes no draw_seed"),
    ],
)
def test_bad_draws_are_refused(study: str, count: object, seed: object, says: str) -> None:
    with pytest.raises(UserError, match=says):
        dilemmas_of(load_study(study), count, seed)  # type: ignore[arg-type]


def test_unknown_studies_list_what_there_is() -> None:
    with pytest.raises(UserError, match=r"allowed: mcelfresh_2021, .*study\.yaml"):
        load_study("kidneys")
