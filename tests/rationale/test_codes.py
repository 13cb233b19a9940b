"""The codes themselves: their flat form, their words, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kidney_evals.errors import UserError
from kidney_evals.rationale.codes import codes_of, no_codes
from kidney_evals.studies import Patient, load_study

STUDY = load_study("mcelfresh_2021")
A, B = Patient((64.0, 4.0, 1.0)), Patient((32.0, 4.0, 0.0))
"""B is younger, both drink the same, A has a child."""


def codes(**changed: Any) -> Any:
    given: dict[str, Any] = {"uses": {}, "arguments": (), "agree": "yes"} | changed
    return codes_of(STUDY, A, B, given.pop("choice", "B"), **given)


def test_the_flat_form_names_everything_and_holds_plain_values() -> None:
    flat = codes(uses={"age": "B", "dependents": "B"}, arguments=["desert"]).values()
    assert json.loads(json.dumps(flat)) == flat
    assert flat == {
        "status": "coded",
        "where": "answer",
        "choice": "B",
        "agree": "yes",
        "fairness": False,
        "uncertainty": False,
        "medical_utility": False,
        "desert": True,
        "refusal_to_play": False,
        "uses_age": "B",
        "people_age": "toward",
        "uses_drinks": "",
        "people_drinks": "",
        "uses_dependents": "B",
        "people_dependents": "against",
    }


def test_without_codes_the_names_stay_and_the_values_go() -> None:
    flat = no_codes(STUDY, "B", "no reasons").values()
    assert list(flat) == list(codes().values())
    assert {name for name, value in flat.items() if value is not None} == {
        "status",
        "where",
        "choice",
    }


def test_an_attribute_with_equal_values_is_neither_toward_nor_against() -> None:
    assert codes(uses={"drinks": "A"}).people["drinks"] == "neither"


def test_the_codes_are_said_in_words() -> None:
    said = codes(uses={"age": "B", "drinks": "neither"}, arguments=["medical_utility"]).sentence()
    assert said == (
        "age for B (as people favour); drinks does not decide; medical utility; "
        "the reasons lead to B"
    )
    assert no_codes(STUDY, "B", "no reasons").sentence() == "no reasons"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"choice": "C"}, "unknown choice 'C'; allowed: A, B, COIN, none"),
        ({"agree": "maybe"}, "unknown code for agreement 'maybe'; allowed: yes, no, unclear"),
        ({"where": "title"}, "unknown place of reasons 'title'"),
        ({"arguments": ["luck"]}, "unknown argument 'luck'"),
        ({"uses": {"height": "A"}}, "unknown attribute 'height'; allowed: age, drinks, dependents"),
        ({"uses": {"age": "both"}}, "unknown use of age 'both'"),
    ],
)
def test_a_code_that_the_codebook_lacks_is_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as error:
        codes(**changed)
    assert str(error.value).startswith(message)


def test_there_is_no_coded_transcript_without_codes() -> None:
    with pytest.raises(UserError, match="has codes"):
        no_codes(STUDY, "A", "coded")
