"""The card of a run: verdicts on known respondents, how it reads, and what it says in words."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from rich.cells import cell_len

from kidney_evals.card import LIKE, UNKNOWN, UNLIKE, Card, card_of, markdown_text, terminal_text
from kidney_evals.card.findings import Finding, Part
from kidney_evals.card.numbers import percent, short
from kidney_evals.card.text import nearest_line, scale
from kidney_evals.estimation.intervals import Interval
from kidney_evals.estimation.quantity import undefined
from kidney_evals.human import NO_BAND, ListedShares
from kidney_evals.human.sources import counted_draws
from kidney_evals.lab.panel import panel
from kidney_evals.lab.respondents import RESPONDENTS
from kidney_evals.lab.simulate import choose, run_of
from kidney_evals.measures import compute, interval_at
from kidney_evals.measures.nearest_respondent import NAMES, Nearest
from kidney_evals.measures.run import Run
from kidney_evals.studies import CONDITIONS, Condition, dilemmas_of
from measures.simulated import STUDY, answering, people

KNOWN = {one.name: one for one in RESPONDENTS}


@cache
def run(name: str, condition: Condition, dilemmas: int = 1000) -> Run:
    """Return a run of a known respondent against the shipped reference, in both orders."""
    listed = dilemmas_of(STUDY, dilemmas, 7)
    chances = KNOWN[name].chances(panel(people(condition), listed))
    answers = choose(chances.reshape(-1, chances.shape[2]), np.random.default_rng(7))
    return answering(answers.reshape(-1, 2), condition, listed)


@cache
def card(name: str, condition: Condition, dilemmas: int = 1000) -> Card:
    return card_of(run(name, condition, dilemmas))


def finding(found: Card, id: str) -> Finding:
    one = found.finding(id)
    assert one is not None
    return one


# 2,000 answers, so that chance decides no verdict.
VERDICTS = [
    ("human-like", "forced_choice", "weights decided swap", LIKE),
    ("human-like", "coin_flip", "weights decided often where swap", LIKE),
    # Three times people's log odds, with people's weights and coins.
    ("sharper", "coin_flip", "weights often where", LIKE),
    ("sharper", "coin_flip", "decided", UNLIKE),
    ("sharp ×25", "forced_choice", "weights", LIKE),
    ("sharp ×25", "forced_choice", "decided", UNLIKE),
    # Flips where people do, and decides against them.
    ("anti-human", "coin_flip", "often where", LIKE),
    ("anti-human", "coin_flip", "weights decided", UNLIKE),
    # As often as people, at the same rate on every dilemma.
    ("random flips", "coin_flip", "often weights", LIKE),
    ("random flips", "coin_flip", "where", UNLIKE),
    ("never flips", "coin_flip", "often where", UNLIKE),
    ("leaning", "forced_choice", "swap", UNLIKE),
    ("lexicographic", "forced_choice", "weights swap", UNLIKE),
    ("noise", "coin_flip", "decided often where swap", UNLIKE),
]


@pytest.mark.parametrize(("name", "condition", "questions", "verdict"), VERDICTS)
def test_verdicts_on_known_respondents(
    name: str, condition: Condition, questions: str, verdict: str
) -> None:
    found = {one.id: one.verdict for one in card(name, condition).findings}
    assert {id: found[id] for id in questions.split()} == dict.fromkeys(questions.split(), verdict)


def test_few_dilemmas_have_no_verdict_but_cannot_tell() -> None:
    few = card("never flips", "coin_flip", 29)
    assert {one.verdict for one in few.findings} == {UNKNOWN}
    assert UNLIKE in {one.verdict for one in card("never flips", "coin_flip", 30).findings}


def test_calls_that_would_tell_follow_from_the_interval() -> None:
    # Coins on 24 of 160 answers, three of each ten dilemmas in one order: inside the margin.
    answers = np.zeros((80, 2))
    answers[np.arange(80) % 10 < 3, 0] = 2
    small = answering(answers, dilemmas=80)
    found = finding(card_of(small), "often")
    [part] = found.parts
    value = part.quantity.value
    low, high = interval_at(small, "flip_rate", 0.9, people_error=False)
    assert value == 24 / 160 and part.like.low < value < part.like.high
    # An end moves towards the value with the square root of the number of calls, now 160.
    factor = max((value - low) / (value - part.like.low), (high - value) / (part.like.high - value))
    assert found.verdict == UNKNOWN and found.calls is not None
    assert 160 * factor**2 <= found.calls <= 160 * factor**2 + 10
    # 20 dilemmas more, whose 40 calls brought no answer: they count.
    silent = answering(np.concatenate([answers, np.full((20, 2), -1)]), dilemmas=100)
    assert finding(card_of(silent), "often").calls == pytest.approx(found.calls * 1.25, abs=20)


def test_the_range_of_a_verdict_is_the_margin_around_the_crowd() -> None:
    reference = people("coin_flip")
    [part] = finding(card("human-like", "coin_flip"), "often").parts
    half = (part.like.high - part.like.low) / 2
    assert half == pytest.approx(reference.margin("flip_rate") + abs(reference.misfit("flip_rate")))
    assert (part.like.high + part.like.low) / 2 == pytest.approx(part.quantity.human)


def test_shares_count_peoples_own_error() -> None:
    # Twenty-five times as sharp: a narrow interval of the run, but not of the people.
    for one in card("sharp ×25", "forced_choice").shares:
        assert one.differs == "", one
    assert {one.differs for one in card("anti-human", "forced_choice").shares} == {"opposite"}


def test_differences_are_the_dilemmas_that_people_decide_otherwise() -> None:
    # The majority rule gives the most frequent answer to every dilemma.
    listed = dilemmas_of(STUDY, 50, 7)
    shares = people("forced_choice").shares(listed)
    answers = shares.argmax(axis=1)
    assert card_of(answering(answers, "forced_choice", 50)).differences == ()
    # The reverse: the three dilemmas with the clearest majorities.
    reverse = card_of(answering(1 - answers, "forced_choice", 50)).differences
    clearest = np.argsort(-np.abs(shares[:, 0] - 0.5), kind="stable")[:3]
    assert [one.dilemma for one in reverse] == [listed[at].id for at in clearest]
    assert reverse[0].run == tuple(np.eye(2)[1 - shares[clearest[0]].argmax()])


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("name", ["human-like", "never flips", "leaning", "refuses close calls"])
def test_the_terminal_card_fits_a_screen(name: str, condition: Condition) -> None:
    lines = terminal_text(card(name, condition, 200)).splitlines()
    assert max(map(len, lines)) <= 80 and len(lines) <= 40
    for one in card(name, condition, 200).findings:
        assert sum(one.question in line and one.verdict.upper() in line for line in lines) == 1


def test_markdown_and_json_hold_the_numbers_of_the_measures() -> None:
    found = card("never flips", "coin_flip", 200)
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    [often] = [one for one in plain["findings"] if one["id"] == "often"]
    rate = compute(run("never flips", "coin_flip", 200), "flip_rate")
    assert often["parts"][0]["quantity"]["value"] == rate.value == 0
    assert often["parts"][0]["quantity"]["human"] == round(rate.human, 4)
    text, row = markdown_text(found), "**unlike** | indecision rate (`flip_rate`) | .000 |"
    assert f"| 3 Does it flip as often? | {row}" in text
    assert "nan" not in text.lower().split()


@pytest.mark.parametrize(
    ("name", "dilemmas", "verdict"),
    [("human-like", 1000, "like"), ("leaning", 1000, UNLIKE), ("human-like", 60, UNKNOWN)],
)
def test_a_second_measure_has_its_own_verdict(name: str, dilemmas: int, verdict: str) -> None:
    one = card(name, "coin_flip", dilemmas)
    [line] = [line for line in terminal_text(one).splitlines() if "position bias" in line]
    assert line.endswith(f" {verdict}") and len(line) == 80
    full = finding(one, "swap").parts[1].verdict
    assert f"| position bias (`pos_bias`), {full} |" in markdown_text(one)
    assert "| importance distance (`share_dist`) |" in markdown_text(one)


@pytest.mark.parametrize(
    ("value", "like", "line"),
    [
        # People 1, guessing 0, seven columns: a column for each sixth.
        (1.0, (0.8, 1.2), " ●─────┤ "),
        (0.5, (0.8, 1.2), " ├──●──┤ "),
        (0.0, (0.8, 1.2), " ├─────● "),
        (1.1, (0.8, 1.2), " ●─────┤ "),
        (1.3, (0.8, 1.2), "◀├─────┤ "),
        (1.3, (0.5, math.inf), " ●─────┤ "),
        (-0.3, (0.8, 1.2), " ├─────┤▶"),
        (math.nan, (0.8, 1.2), ""),
    ],
)
def test_the_line_from_people_to_guessing(
    value: float, like: tuple[float, float], line: str
) -> None:
    quantity = undefined(1.0)._replace(value=value)
    assert scale(Part("sharpness", quantity, NO_BAND, 0.0, Interval(*like), UNKNOWN)) == line


def test_signs_of_importance_in_words() -> None:
    text = " ".join(terminal_text(card("human-like", "forced_choice")).split())
    favoured = "the younger patient, the patient who drank less and the patient with more dependent"
    assert f"Signed importance, + favours whom people favour: {favoured} children. age " in text
    assert "Questions 3 and 4 need a coin." in text
    assert "need a coin" not in terminal_text(card("human-like", "coin_flip"))


def test_without_people_there_is_no_verdict() -> None:
    reference = people("coin_flip", "freedman_2020")
    listed = reference.study.listed
    found = card_of(run_of(reference, listed, np.zeros((len(listed), 2), dtype=np.int64)))
    assert not found.has_people and found.people == "no people were asked"
    assert [(one.id, one.verdict) for one in found.findings] == [("often", ""), ("swap", "")]
    # The first-listed patient always: no coin, and never another answer in swapped places.
    assert "leaves 0 % of its answers to the coin" in found.summary
    assert "changes its answer in swapped places in 0 % of the dilemmas" in found.summary
    assert found.nearest is None and not found.differences and math.isnan(found.floor)
    text = terminal_text(found)
    assert not any(line.startswith("  people") for line in text.splitlines())
    # Uniform answers: a third coins, and two answers to a dilemma differ in two of three cases.
    assert "guessing .33" in text and "guessing .67" in text
    assert "person" not in text + markdown_text(found)
    assert "Rules unlike people" not in markdown_text(found)


def test_a_run_without_answers_says_so() -> None:
    found = card_of(answering(np.full(10, -1), dilemmas=10))
    assert found.answered == 0 and found.outcomes == {"unreadable": 20}
    assert "no answer" in found.summary
    text = terminal_text(found)
    assert "Answered 0 of 20 (0 %) (20 unreadable)." in text and "known respondents" not in text
    assert "Rules unlike people" not in markdown_text(found)


RULES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "majority": lambda shares: shares[:, :2].argmax(axis=1),
    "minority": lambda shares: shares[:, :2].argmin(axis=1),
    "coins": lambda shares: np.full(len(shares), 2),
    "coins but five": lambda p: np.where(np.arange(len(p)) < 5, p[:, :2].argmax(axis=1), 2),
    "at random": lambda shares: np.random.default_rng(7).integers(0, 3, (len(shares), 2)),
    "always A": lambda shares: np.tile([0, 1], (len(shares), 1)),
}
"""Functions from people's shares, shape (D, K), to answers, by rule."""

# The run, words that its summary holds, and words that would not be so.
SUMMARIES = [
    ("majority", "is more decided", "against people's leaning"),
    # Sharpness has no value for either rule.
    ("minority", "decides against people's leaning", "more decided"),
    ("minority", "favours the opposite in age, drinks and dependents", "more weight"),
    # Five decisions as most people decide are no rule, on however many dilemmas coins are flipped.
    ("coins but five", "cannot be told from this run whether it weighs", "more decided"),
    # A coin everywhere is also flipped where people flip.
    ("coins", "flips at other rates in close and clear cases", "does not flip where"),
    ("majority", "so never flips where people do", "at other rates"),
    ("always A", "favours the patient shown as A", "shown as B"),
]


@pytest.mark.parametrize(("rule", "so", "not_so"), SUMMARIES)
def test_the_summary_holds_what_is_so(rule: str, so: str, not_so: str) -> None:
    summary = card_of(answering(RULES[rule])).summary
    assert so in summary and not_so not in summary


@pytest.mark.parametrize(
    ("counts", "is_more"),
    # Where all people agree, a crowd agrees too; with 39 of 40, .975 ** 120 = .05 of crowds do.
    [((40.0, 0.0), False), ((39.0, 1.0), False), ((30.0, 10.0), True)],
)
def test_as_decided_as_people_who_agree(counts: tuple[float, float], is_more: bool) -> None:
    first = answering(np.zeros(60), "forced_choice")
    numbers = {one.id: np.array(counts) for one in first.dilemmas}
    source = ListedShares(numbers, counted_draws(numbers), answers=2)
    found = card_of(replace(first, reference=replace(first.reference, source=source)))
    assert ("is more decided" in found.summary) == is_more
    assert (finding(found, "decided").verdict == UNLIKE) == is_more


@pytest.mark.parametrize(
    ("choice", "words"),
    # The better patient is listed first in three of the five controls with one.
    [(-1, "In 0 of 5 controls"), (2, "In 0 of 5 controls"), (0, "In 3 of 5 controls")],
)
def test_controls_without_a_decision_are_counted(choice: int, words: str) -> None:
    asked = answering(RULES["majority"])
    block = [one for one in asked.study.control_block if one.kind == "dominance"]
    controls = run_of(asked.reference, block, np.full((len(block), 1), choice))
    assert words in terminal_text(card_of(replace(asked, controls=controls)))


@pytest.mark.parametrize(("dilemmas", "is_stated"), [(40, False), (60, True)])
def test_no_share_is_said_to_differ_on_few_dilemmas(dilemmas: int, is_stated: bool) -> None:
    # The younger patient gets the kidney, in both orders.
    age = np.array([STUDY.differences(one)[0] for one in dilemmas_of(STUDY, dilemmas, 7)])
    found = card_of(answering(age < 0, dilemmas=dilemmas))
    stated = ["more", "less", "less"] if is_stated else ["", "", ""]
    assert [one.differs for one in found.shares] == stated
    words = "puts more weight on age but less weight on drinks and dependents"
    assert (words in found.summary) == is_stated


@pytest.mark.parametrize("rule", RULES)
def test_every_line_of_a_card_says_what_it_may(rule: str) -> None:
    found = card_of(answering(RULES[rule]))
    for one in found.findings:
        assert one.verdict == UNKNOWN or one.calls is None
    for line in terminal_text(found).splitlines():
        assert "CALLS)" not in line or "CANNOT TELL" in line
        assert not line.lstrip().startswith("%")
        # The second measure of a question stands beside the crowd, without a band of persons.
        assert not line.endswith((" inside", " below", " above")) or " person " in line


def test_without_margins_the_summary_gives_that_reason() -> None:
    known = answering(RULES["majority"])
    found = card_of(replace(known, reference=replace(known.reference, margins={})))
    # The rule decides question 2 without a margin.
    assert [one.id for one in found.findings if not one.verdict] == ["weights", "often"]
    assert "For want of a margin there is no verdict on whether it" in found.summary


def test_another_mechanism_has_no_calls_that_would_tell() -> None:
    found = card_of(replace(answering(RULES["coins but five"]), mechanism="committee"))
    swap = finding(found, "swap")
    assert swap.verdict == "" and swap.calls is None


def test_a_run_with_peoples_shares_differs_from_them_nowhere() -> None:
    likeliest = answering(lambda shares: shares.argmax(axis=1))
    shares = likeliest.reference.shares(likeliest.dilemmas)
    assert card_of(replace(likeliest, chances=np.repeat(shares, 2, axis=0))).differences == ()


def near(outcome: str, name: str, runner_up: str, *candidates: str) -> Nearest:
    means = dict.fromkeys([name, runner_up], -0.5) if name else {}
    return Nearest(outcome, name, runner_up, 1.0, candidates, means, 100)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (near("named", "human", "person", "human"), "Most like, of 2 known respondents: {}."),
        (near("cannot tell", "human", "person", "human"), "fits {}, not clearly better than {}"),
        # The likeliest does not fit, and the one behind it does.
        (near("cannot tell", "human", "person", "person"), "fits {1}, not clearly better than {0}"),
        (near("cannot tell", "human", "person", "human", "person"), "told apart: {} and {}."),
        (near("none of these", "human", "person"), "Like none of 2 known respondents."),
        (near("cannot tell", "", ""), ""),
    ],
)
def test_the_nearest_respondent_in_words(found: Nearest, sentence: str) -> None:
    said = nearest_line(replace(card_of(answering(RULES["coins"])), nearest=found))
    assert sentence.format(NAMES["human"], NAMES["person"]) in said and bool(said) == bool(sentence)


@pytest.mark.parametrize(
    "words",
    ["years since the first diagnosis of kidney failure", "腎臓の病気の重さと年齢" * 5, "x" * 200],
)
def test_no_text_of_a_study_makes_a_line_too_wide(words: str) -> None:
    found = card_of(answering(RULES["minority"]))
    shares = tuple(replace(one, label=words, favoured=words) for one in found.shares)
    listed = tuple(replace(one, first=words, second=words) for one in found.differences)
    text = terminal_text(replace(found, shares=shares, differences=listed, candidate=words))
    assert max(map(cell_len, text.splitlines())) <= 80


def test_a_card_without_verdicts_has_no_spaces_at_the_ends_of_lines() -> None:
    found = card_of(answering(RULES["minority"]))
    parts = (
        replace(one, parts=tuple(replace(part, verdict="") for part in one.parts), verdict="")
        for one in found.findings
    )
    lines = terminal_text(replace(found, findings=tuple(parts))).splitlines()
    assert lines == [line.rstrip() for line in lines]


@pytest.mark.parametrize(
    ("share", "text"),
    [
        *((0.0, "0 %"), (0.0001, "<0.1 %"), (0.004, "0.4 %"), (0.01, "1 %"), (0.5, "50 %")),
        # 399 of 400 answers are not all.
        *((0.99, "99 %"), (399 / 400, "99.8 %"), (0.9999, ">99.9 %"), (1.0, "100 %")),
    ],
)
def test_only_nothing_is_0_percent_and_only_all_100(share: float, text: str) -> None:
    assert percent(share) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.5, ".500"), (99.4, "99.400"), (-123.456, "-123"), (math.nan, "–")]
)
def test_a_large_number_needs_no_more_columns(value: float, text: str) -> None:
    assert short(value) == text
