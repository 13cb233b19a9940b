"""The lexical rules, one phrasing at a time, on texts that are not in the corpus."""

from __future__ import annotations

import pytest

from kidney_evals.elicitation.form import Form
from kidney_evals.errors import UserError
from kidney_evals.reasons import Codes, code, code_reply
from kidney_evals.studies import Patient, load_study

DRAWN, FIXED, PROFILES, REPEATED = map(
    load_study, ("mcelfresh_2021", "mcelfresh_2021_fixed", "freedman_2020", "boerstler_2024")
)
OLD_PARENT, YOUNG = Patient((64.0, 4.0, 2.0)), Patient((32.0, 2.0, 0.0))
"""Age, drinks and children: age and drinks speak for the second, children for the first."""


def drawn(text: str, choice: str = "A", form: Form | None = None) -> Codes:
    """Code a text about a 64-year-old parent (A) and a younger patient who drinks less (B)."""
    return code(text, DRAWN, OLD_PARENT, YOUNG, choice, form=form or Form())  # type: ignore[arg-type]


def used(codes: Codes) -> dict[str, str]:
    """The attributes invoked."""
    return {name: use for name, use in codes.attributes.items() if use}


@pytest.mark.parametrize(
    ("text", "uses"),
    [
        ("B is younger.", {"age": "B"}),
        ("He drinks far less.", {"drinks": "B"}),
        ("Two children need their parent.", {"dependents": "A"}),
        ("Age should not matter here.", {"age": "neither"}),
        ("Not because of the drinking.", {"drinks": "neither"}),
        ("The kids come first, although B is younger.", {"dependents": "A", "age": "B"}),
        ("B drinks less, but I leave that out.", {"drinks": "neither"}),
        ("Age favours B. Dependents favour A.", {"age": "B", "dependents": "A"}),
        ("- Age: B\n- Children: A", {"age": "B", "dependents": "A"}),
        ("If B had children, I would think again. Age decides.", {"age": "B"}),
        # Said plainly, a patient is taken at the text's word and not at the facts.
        ("A is younger.", {"age": "A"}),
        # The end that people do not favour, taken for a merit.
        ("Older people have earned it.", {"age": "A"}),
        # The last use counts.
        ("Age is nothing to me. On reflection the younger one should live.", {"age": "B"}),
    ],
)
def test_whom_an_attribute_is_said_to_speak_for(text: str, uses: dict[str, str]) -> None:
    assert used(drawn(text)) == uses


@pytest.mark.parametrize(
    ("uses", "people"),
    [
        ("B is younger.", {"age": "toward"}),
        ("Older people have earned it.", {"age": "against"}),
        ("Age should not matter here.", {"age": "neither"}),
    ],
)
def test_uses_are_translated_into_what_people_favour(uses: str, people: dict[str, str]) -> None:
    assert {name: one for name, one in drawn(uses).people.items() if one} == people


def test_an_attribute_that_is_equal_speaks_for_nobody() -> None:
    codes = code("Both drink heavily. B is a parent.", FIXED, *_equal_drinkers(), "B")
    assert used(codes) == {"drinking": "neither", "dependents": "B"}


def _equal_drinkers() -> tuple[Patient, Patient]:
    return Patient((32.0, 2.0, 0.0)), Patient((32.0, 2.0, 1.0))


@pytest.mark.parametrize(
    ("text", "argument"),
    [
        ("Their lives have equal worth.", "fairness"),
        ("It would be unfair to either.", "fairness"),
        ("I am torn.", "uncertainty"),
        ("There is no way of telling what will happen.", "uncertainty"),
        ("The graft will last longer.", "medical_utility"),
        ("B would gain more years of life.", "medical_utility"),
        ("A brought this on herself.", "desert"),
        ("Such conduct should not be rewarded.", "desert"),
        ("It is not for me to say who lives.", "refusal_to_play"),
        ("That must be left to the doctors.", "refusal_to_play"),
    ],
)
def test_an_argument_is_found(text: str, argument: str) -> None:
    assert drawn(text).arguments == {argument}


@pytest.mark.parametrize(
    "text",
    [
        "I do not want to punish anyone, I just like B.",
        "More people need A.",
        "This is a clear case.",
        "I'd say the choice is plain.",
    ],
)
def test_what_only_sounds_like_an_argument_is_none(text: str) -> None:
    assert drawn(text).arguments == frozenset()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A",
        "ANSWER: A",
        "**Answer:** Patient A",
        "Patient A should receive the kidney.\n\nANSWER: A",
        "I would flip a coin here.",
        "Patient A: 64 years, 4 drinks a day, 2 children.\nPatient B: 32 years, 2 drinks a day.",
        "| | A | B |\n|---|---|---|\n| Age | 64 | 32 |\n\nANSWER: A",
        "To the two patients. Age is 64 years for Patient A and 32 years for Patient B. Then th",
        "I have considered age, alcohol and dependents. ANSWER: A",
    ],
)
def test_an_answer_without_reasons_has_no_codes(text: str) -> None:
    codes = drawn(text)
    assert codes.status == "no reasons"
    coded = {name: one for name, one in codes.values().items() if one is not None}
    assert coded == {"status": "no reasons", "where": "none", "choice": "A"}


@pytest.mark.parametrize(
    "text",
    [
        "Patient B ist jünger.\n\nANTWORT: B",
        "Den Ausschlag gibt für mich: Alter, 32 Jahre gegenüber 64 Jahren.\n\nANTWORT: B",
        "Patient B est plus jeune.\n\nRÉPONSE : B",
        "El paciente B es más joven.\n\nRESPUESTA: B",
        "Il paziente B è più giovane e beve meno.",
        "患者Bの方が若い。",
        "Pacjent B jest młodszy i pije mniej alkoholu, dlatego powinien otrzymać nerkę.",
    ],
)
def test_other_languages_are_named_and_not_coded(text: str) -> None:
    codes = drawn(text, "B")
    assert (codes.status, codes.agree, used(codes)) == ("language not covered", None, {})


@pytest.mark.parametrize(
    ("choice", "text", "agree"),
    [
        ("B", "B is younger.", "yes"),
        ("A", "B is younger.", "no"),
        ("COIN", "B is younger and drinks less.", "no"),
        ("COIN", "Both lives are equally valuable.", "yes"),
        ("COIN", "Youth on one side, children on the other.", "yes"),
        ("A", "Youth on one side, children on the other.", "unclear"),
        ("A", "Children outweigh youth.", "yes"),
        ("A", "Children matter, but B should receive the kidney.", "no"),
        ("A", "I pick A at random.", "unclear"),
        ("none", "B is younger.", "unclear"),
    ],
)
def test_whether_the_reasons_lead_to_the_answer(choice: str, text: str, agree: str) -> None:
    assert drawn(text, choice).agree == agree


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (Form(names=("X", "Y")), "Patient Y is younger, and everything points to Y.\n\nANSWER: Y"),
        (Form(names=("1", "2")), "Patient 2 is younger.\n\nANSWER: 2"),
    ],
)
def test_other_labels_are_read_as_a_and_b(form: Form, text: str) -> None:
    codes = drawn(text, "B", form)
    assert (used(codes), codes.agree) == ({"age": "B"}, "yes")


def test_the_way_out_that_was_offered_is_no_refusal() -> None:
    said = "Their claims are equal. I would leave this one to the committee.\n\nANSWER: COMMITTEE"
    codes = drawn(said, "COIN", Form(mechanism="committee"))
    assert (set(codes.arguments), codes.agree) == ({"fairness"}, "yes")


@pytest.mark.parametrize(
    ("answer", "reasoning", "where", "uses"),
    [
        ("B is younger.", "", "answer", {"age": "B"}),
        ("ANSWER: B", "B is younger.", "reasoning", {"age": "B"}),
        ("B is younger.", "B drinks less.", "both", {"age": "B", "drinks": "B"}),
        ("ANSWER: B", "", "none", {}),
        # What is not covered in one place does not hide what is in the other.
        ("Patient B ist jünger.", "B is younger.", "reasoning", {"age": "B"}),
        ("Patient B ist jünger.", "", "answer", {}),
    ],
)
def test_where_the_reasons_stand(
    answer: str, reasoning: str, where: str, uses: dict[str, str]
) -> None:
    codes = code_reply(answer, reasoning, DRAWN, OLD_PARENT, YOUNG, "B")
    assert (codes.where, used(codes)) == (where, uses)


@pytest.mark.parametrize(
    ("text", "uses"),
    [
        ("A has queued for longer.", {"waiting": "A"}),
        ("B gains ten more years and is slimmer.", {"years_gained": "B", "obesity": "B"}),
        ("A works full time.", {"hours": "A"}),
        ("Someone's elderly mother relies on B.", {"elderly": "B"}),
        ("A has been on the list for 7 years.", {"waiting": "A"}),
    ],
)
def test_attributes_of_the_repeated_pairs(text: str, uses: dict[str, str]) -> None:
    a, b = Patient((0.0, 10.0, 2.0, 40.0, 7.0)), Patient((2.0, 20.0, 1.0, 10.0, 3.0))
    assert used(code(text, REPEATED, a, b, "A")) == uses


def test_an_attribute_of_a_study_of_ones_own_is_known_by_its_label() -> None:
    from dataclasses import replace

    tobacco = DRAWN.attributes[1].model_copy(update={"id": "packs", "label": "Tobacco"})
    study = replace(DRAWN, attributes=(DRAWN.attributes[0], tobacco, DRAWN.attributes[2]))
    codes = code("Tobacco decides it for me.", study, OLD_PARENT, YOUNG, "B")
    assert used(codes) == {"packs": "B"}


def test_a_choice_that_there_is_not_is_refused() -> None:
    with pytest.raises(UserError, match="unknown choice 'a'; allowed: A, B, COIN, none"):
        drawn("B is younger.", "a")


def test_a_long_text_takes_no_longer_than_its_length() -> None:
    drawn("Not because of the age of the younger patient, A or B. " * 1000)
