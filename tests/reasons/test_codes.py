"""The codes, the hand-coded texts, and that the shipped figures are what the rules give."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from kidney_evals.lab.reason_coding import PARTS, coded_texts, measured, rows_of
from kidney_evals.reasons.codes import AGREE, ARGUMENTS, CHOICES, STATUSES, codes_of, no_codes
from kidney_evals.studies import CONDITIONS, Patient, load_study, study_names

STUDY = load_study("mcelfresh_2021")
A, B = Patient((64.0, 4.0, 1.0)), Patient((32.0, 4.0, 0.0))
"""B is younger, both drink the same, A has a child."""


def codes(**changed: Any) -> Any:
    given: dict[str, Any] = {"uses": {}, "arguments": (), "agree": "yes"} | changed
    return codes_of(STUDY, A, B, "B", **given)


def test_the_flat_form_names_everything_and_holds_plain_values() -> None:
    flat = codes(uses={"age": "B", "dependents": "B"}, arguments=["desert"]).values()
    assert json.loads(json.dumps(flat)) == flat
    assert flat == {
        **{"status": "coded", "where": "answer", "choice": "B", "agree": "yes"},
        **{"fairness": False, "uncertainty": False, "medical_utility": False},
        **{"desert": True, "refusal_to_play": False},
        **{"uses_age": "B", "people_age": "toward"},
        **{"uses_drinks": "", "people_drinks": ""},
        **{"uses_dependents": "B", "people_dependents": "against"},
    }
    # Without codes the names stay and the values go.
    without = no_codes(STUDY, "B", "no reasons").values()
    assert list(without) == list(flat)
    kept = {name for name, value in without.items() if value is not None}
    assert kept == {"status", "where", "choice"}
    # An attribute with equal values is neither toward nor against.
    assert codes(uses={"drinks": "A"}).people["drinks"] == "neither"


def test_the_codes_are_said_in_words() -> None:
    said = codes(uses={"age": "B", "drinks": "neither"}, arguments=["medical_utility"]).sentence()
    assert said == (
        "age for B (as people favour); drinks does not decide; medical utility; "
        "the reasons lead to B"
    )
    assert no_codes(STUDY, "B", "no reasons").sentence() == "no reasons"


def test_the_corpus_covers_what_its_card_says() -> None:
    texts = coded_texts()
    assert len(texts) == len({one.id for one in texts}) == 210
    assert sum(one.part == "test" for one in texts) == 105
    assert {one.study.id for one in texts} == set(study_names())
    assert {one.condition for one in texts} == set(CONDITIONS)
    assert {one.choice for one in texts} == set(CHOICES)
    assert {one.codes.status for one in texts} == set(STATUSES)
    assert {one.codes.agree for one in texts} == {*AGREE, None}
    assert {name for one in texts for name in one.codes.arguments} == set(ARGUMENTS)
    for one in texts:
        assert set(one.codes.attributes.values()) <= {"", "A", "B", "neither"}
        for patient in (one.a, one.b):
            for attribute, value in zip(one.study.attributes, patient.values, strict=True):
                assert value in attribute.values
    assert {one.condition for one in texts if one.choice == "COIN"} == {"coin_flip"}
    halves = [{(one.text, one.a, one.b) for one in texts if one.part == part} for part in PARTS]
    assert not halves[0] & halves[1]


def test_the_shipped_figures_are_what_the_rules_give() -> None:
    shipped = files("kidney_evals.reasons").joinpath("measured.md").read_text(encoding="utf-8")
    assert shipped == measured(), "`python -m kidney_evals.lab.reason_coding` writes it anew"


def test_precision_and_recall_are_of_whom_and_not_only_of_what() -> None:
    (every,) = (row for row in rows_of("test") if row.code == "all attributes")
    hand = [one for one in coded_texts() if one.part == "test"]
    # Texts without codes by hand hold no uses, so they add nothing to the count.
    assert every.present == sum(use != "" for one in hand for use in one.codes.attributes.values())
    right = every.precision.value * every.found
    assert abs(right - every.recall.value * every.present) < 1e-9
    assert every.precision.low < every.precision.value < every.precision.high
