"""The coded texts, and that the shipped figures are what the rules give."""

from importlib.resources import files

from kidney_evals.lab.reason_coding import PARTS, coded_texts, measured, rows_of
from kidney_evals.reasons.codes import AGREE, ARGUMENTS, CHOICES, STATUSES
from kidney_evals.studies import CONDITIONS, load_study, study_names


def test_the_corpus_covers_what_its_card_says() -> None:
    texts = coded_texts()
    assert len(texts) == len({one.id for one in texts}) == 210
    assert {one.part for one in texts} == set(PARTS)
    assert sum(one.part == "test" for one in texts) == 105
    # The texts were coded before there were studies without people.
    with_people = {name for name in study_names() if any(load_study(name).people.values())}
    assert {one.study.id for one in texts} == with_people
    assert {one.condition for one in texts} == set(CONDITIONS)
    assert {one.choice for one in texts} == set(CHOICES)
    assert {one.codes.status for one in texts} == set(STATUSES)
    assert {one.codes.agree for one in texts} == {*AGREE, None}
    assert {name for one in texts for name in one.codes.arguments} == set(ARGUMENTS)
    # A coin is chosen only where it was offered, and no text with its dilemma is in both halves.
    assert {one.condition for one in texts if one.choice == "COIN"} == {"coin_flip"}
    halves = [{(one.text, one.a, one.b) for one in texts if one.part == part} for part in PARTS]
    assert not halves[0] & halves[1]


def test_the_shipped_figures_are_what_the_rules_give() -> None:
    shipped = files("kidney_evals.reasons").joinpath("measured.md").read_text(encoding="utf-8")
    assert shipped == measured(), "`python -m kidney_evals.lab reasons` writes it anew"


def test_precision_and_recall_are_of_whom_and_not_only_of_what() -> None:
    (every,) = (row for row in rows_of("test") if row.code == "all attributes")
    hand = [one for one in coded_texts() if one.part == "test"]
    present = sum(use != "" for one in hand for use in one.codes.attributes.values())
    assert every.present == present
    # Texts without codes by hand hold no uses, so they add nothing to the count above.
    right = every.precision.value * every.found
    assert abs(right - every.recall.value * every.present) < 1e-9
    assert every.precision.low < every.precision.value < every.precision.high
