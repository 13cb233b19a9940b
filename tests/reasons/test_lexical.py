"""The codes and the lexical rules, on texts that are not in the corpus.

The accuracy on the hand-coded corpus is tested in tests/lab/test_reason_coding.py.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kidney_evals.elicitation.form import Form
from kidney_evals.errors import UserError
from kidney_evals.reasons import Codes, code, code_reply
from kidney_evals.reasons.codes import Choice, codes_of, no_codes
from kidney_evals.reasons.rules import check_attributes
from kidney_evals.respondents.question import Question
from kidney_evals.respondents.replies import Said, reply
from kidney_evals.studies import Patient, dilemmas_of, load_study, study_names

DRAWN, FIXED = map(load_study, ("mcelfresh_2021", "mcelfresh_2021_fixed"))
OLD_PARENT, YOUNG = Patient((64.0, 4.0, 2.0)), Patient((32.0, 2.0, 0.0))
"""Age, drinks and children: age and drinks speak for the second, children for the first."""


def drawn(text: str, choice: str = "A", form: Form | None = None) -> Codes:
    """Code a text about a 64-year-old parent (A) and a younger patient who drinks less (B)."""
    return code(text, DRAWN, OLD_PARENT, YOUNG, choice, form=form or Form())  # type: ignore[arg-type]


def used(codes: Codes) -> dict[str, str]:
    """The attributes that support a patient or are said not to decide."""
    return {name: use for name, use in codes.attributes.items() if use}


# --- the codes -------------------------------------------------------------------------------


def test_codes_as_flat_values() -> None:
    # The second is younger, both drink the same, the first has a child.
    patients = Patient((64.0, 4.0, 1.0)), Patient((32.0, 4.0, 0.0))
    codes = codes_of(
        *(DRAWN, *patients, "B"),
        uses={"age": "B", "dependents": "B", "drinks": "A"},
        arguments=["medical_utility"],
        agree="yes",
    )
    flat = codes.values()
    assert json.loads(json.dumps(flat)) == flat
    assert flat == {
        **{"status": "coded", "where": "answer", "choice": "B", "agree": "yes"},
        **{"fairness": False, "uncertainty": False, "medical_utility": True},
        **{"desert": False, "refusal_to_play": False},
        **{"uses_age": "B", "people_age": "toward"},
        # An attribute with equal values is neither toward nor against.
        **{"uses_drinks": "A", "people_drinks": "neither"},
        **{"uses_dependents": "B", "people_dependents": "against"},
    }
    # Without codes the names stay, and the values are empty.
    without = no_codes(DRAWN, "B", "no reasons")
    assert list(without.values()) == list(flat)
    filled = {name for name, value in without.values().items() if value is not None}
    assert filled == {"status", "where", "choice"}


# --- the rules -------------------------------------------------------------------------------


def test_the_patient_whom_an_attribute_supports() -> None:
    toward = {"age": "B", "drinks": "B", "dependents": "A"}
    for text, uses in {
        "B is younger.": {"age": "B"},
        "Two children need their parent.": {"dependents": "A"},
        "Age should not matter here.": {"age": "neither"},
        "Not because of the drinking.": {"drinks": "neither"},
        "The kids come first, although B is younger.": {"dependents": "A", "age": "B"},
        "Age favours B. Dependents favour A.": {"age": "B", "dependents": "A"},
        "If B had children, I would think again. Age decides.": {"age": "B"},
        # A simple statement is taken literally, even against the patients' values.
        "A is younger.": {"age": "A"},
        # The end that people do not favour, taken for a merit.
        "Older people have earned it.": {"age": "A"},
        # The last use counts.
        "Age is nothing to me. On reflection the younger one should live.": {"age": "B"},
    }.items():
        codes = drawn(text)
        assert used(codes) == uses, text
        for name, use in uses.items():
            decided = "toward" if use == toward[name] else "against"
            assert codes.people[name] == ("neither" if use == "neither" else decided), text


def test_an_attribute_with_equal_values_supports_nobody() -> None:
    a, b = Patient((32.0, 2.0, 0.0)), Patient((32.0, 2.0, 1.0))
    codes = code("Both drink heavily. B is a parent.", FIXED, a, b, "B")
    assert used(codes) == {"drinking": "neither", "dependents": "B"}


def test_an_attribute_of_another_study_is_matched_by_its_label() -> None:
    tobacco = DRAWN.attributes[1].model_copy(update={"id": "packs", "label": "Tobacco"})
    study = replace(DRAWN, attributes=(DRAWN.attributes[0], tobacco, DRAWN.attributes[2]))
    codes = code("Tobacco decides it for me.", study, OLD_PARENT, YOUNG, "B")
    assert used(codes) == {"packs": "B"}


def test_arguments() -> None:
    for text, arguments in {
        "Their lives have equal worth.": {"fairness"},
        "I am torn.": {"uncertainty"},
        "The graft will last longer.": {"medical_utility"},
        "A brought this on herself.": {"desert"},
        "It is not for me to say who lives.": {"refusal_to_play"},
        "I do not want to punish anyone, I just like B.": set(),
        "More people need A.": set(),
        "This is a clear case.": set(),
    }.items():
        assert drawn(text).arguments == arguments, text


def test_an_answer_without_reasons_and_other_languages_have_no_codes() -> None:
    for text in (
        "",
        "**Answer:** Patient A",
        "Patient A should receive the kidney.\n\nANSWER: A",
        "I would flip a coin here.",
        "| | A | B |\n|---|---|---|\n| Age | 64 | 32 |\n\nANSWER: A",
        "To the two patients. Age is 64 years for Patient A and 32 years for Patient B. Then th",
    ):
        codes = drawn(text)
        assert (codes.status, codes.where, codes.agree) == ("no reasons", "none", None), text
    for text in (
        "Patient B ist jünger.\n\nANTWORT: B",
        "Patient B est plus jeune.\n\nRÉPONSE : B",
        "El paciente B es más joven.\n\nRESPUESTA: B",
        "Il paziente B è più giovane e beve meno.",
        "患者Bの方が若い。",
    ):
        codes = drawn(text, "B")
        assert (codes.status, codes.agree, used(codes)) == ("language not covered", None, {}), text


def test_whether_the_reasons_lead_to_the_answer() -> None:
    for choice, text, agree in (
        ("B", "B is younger.", "yes"),
        ("A", "B is younger.", "no"),
        ("COIN", "B is younger and drinks less.", "no"),
        ("COIN", "Both lives are equally valuable.", "yes"),
        ("A", "Youth on one side, children on the other.", "unclear"),
        ("A", "Children matter, but B should receive the kidney.", "no"),
        ("A", "I pick A at random.", "unclear"),
        ("none", "B is younger.", "unclear"),
    ):
        assert drawn(text, choice).agree == agree, (choice, text)
    with pytest.raises(UserError, match="unknown choice 'a'; allowed: A, B, COIN, none"):
        drawn("B is younger.", "a")


def test_the_form_of_the_question_is_that_of_the_answer() -> None:
    text = "Patient Y is younger, and everything points to Y.\n\nANSWER: Y"
    codes = drawn(text, "B", Form(names=("X", "Y")))
    assert (used(codes), codes.agree) == ({"age": "B"}, "yes")
    # The offered mechanism is no refusal.
    text = "Their claims are equal. I would leave this one to the committee.\n\nANSWER: COMMITTEE"
    codes = drawn(text, "COIN", Form(mechanism="committee"))
    assert (set(codes.arguments), codes.agree) == ({"fairness"}, "yes")


def test_the_part_of_the_reply_that_holds_the_reasons() -> None:
    for answer, reasoning, where, uses in (
        ("B is younger.", "", "answer", {"age": "B"}),
        ("ANSWER: B", "B is younger.", "reasoning", {"age": "B"}),
        ("B is younger.", "B drinks less.", "both", {"age": "B", "drinks": "B"}),
        ("ANSWER: B", "", "none", {}),
        # A language that is not covered in one part does not hide the other part.
        ("Patient B ist jünger.", "B is younger.", "reasoning", {"age": "B"}),
        ("Patient B ist jünger.", "", "answer", {}),
    ):
        codes = code_reply(answer, reasoning, DRAWN, OLD_PARENT, YOUNG, "B")
        assert (codes.where, used(codes)) == (where, uses), (answer, reasoning)


# --- simulated respondents, whose reason is known --------------------------------------------


def replies(study: str, said: Said) -> Iterator[tuple[str, Codes]]:
    """Yield replies of a simulated respondent to some dilemmas, with their codes."""
    choices: dict[str, Choice] = {"A": "A", "B": "B", "undecided": "COIN"}
    loaded = load_study(study)
    for dilemma in dilemmas_of(loaded, 5, None):
        for chance in (0.1, 0.6, 0.9):
            question = Question(loaded, "coin_flip", dilemma, "ab", explain="before")
            text = reply(question, said, chance).text
            choice = choices.get(said, "none")
            yield text, code(text, loaded, *dilemma.shown("ab"), choice)


@pytest.mark.parametrize("name", study_names())
def test_the_reasons_of_simulated_respondents(name: str) -> None:
    sides: tuple[Said, ...] = ("A", "B")
    for said in sides:
        for text, codes in replies(name, said):
            expected = {
                one.id: said
                for one in load_study(name).attributes
                if one.favoured_text in text and one.label.lower() in text
            }
            assert (used(codes), codes.agree) == (expected, "yes"), text
    for text, codes in replies(name, "undecided"):
        assert (set(codes.arguments), codes.agree) == ({"uncertainty"}, "yes"), text
    for text, codes in replies(name, "refused"):
        if text:
            assert (set(codes.arguments), codes.agree) == ({"refusal_to_play"}, "unclear"), text


def test_attributes_without_words_are_refused_in_one_line() -> None:
    folder = Path(__file__).parents[1] / "data" / "scholarship"
    said = "the word lists have no words for grade, income, distance of study 'scholarship', so"
    with pytest.raises(UserError) as caught:
        check_attributes(load_study(folder))
    assert str(caught.value).startswith(said) and "\n" not in str(caught.value)
    for name in study_names():
        if load_study(name).words.good == "kidney":
            check_attributes(load_study(name))
