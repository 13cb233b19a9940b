"""Laws of the plan of an interview."""

from collections import Counter
from math import sqrt

from hypothesis import given, settings
from hypothesis import strategies as st

from kidney_evals.studies import Study, load_study
from kidney_evals.survey.interview import plan_interview
from kidney_evals.survey.settings import (
    DISTANCE,
    SurveySettings,
    attention_checks,
    most_repeats,
    own_settings,
    pool,
)
from survey.folders import DRAWN, FIXED

SEEDS = range(2000)


def numbers(study: Study, questions: int, controls: int, repeats: int) -> SurveySettings:
    counts = {"questions": questions, "controls": controls, "repeats": repeats}
    return own_settings(study, "yes").model_copy(update=counts)


@st.composite
def surveys(draw: st.DrawFn) -> tuple[Study, SurveySettings]:
    study = load_study(draw(st.sampled_from((DRAWN, FIXED, "boerstler_2024"))))
    questions = draw(st.integers(1, min(len(pool(study)), 40)))
    controls = draw(st.integers(0, len(attention_checks(study))))
    repeats = draw(st.integers(0, most_repeats(questions)))
    return study, numbers(study, questions, controls, repeats)


@settings(max_examples=300, deadline=None)
@given(surveys(), st.integers(0, 2**31 - 1))
def test_laws_of_a_plan(survey: tuple[Study, SurveySettings], seed: int) -> None:
    study, wanted = survey
    plan = plan_interview(study, wanted, seed)
    assert plan == plan_interview(study, wanted, seed)
    assert [item.position for item in plan] == list(range(len(plan)))
    for item in plan:
        for place, patient in enumerate(item.dilemma.shown(item.order)):
            assert getattr(item.dilemma, item.chosen(place)) == patient
    new = [item for item in plan if not item.repeat]
    asked = [item.dilemma for item in new]
    assert len({dilemma.id for dilemma in asked}) == len(asked)
    assert sum(not dilemma.is_control for dilemma in asked) == wanted.questions
    assert sum(dilemma.kind == "dominance" for dilemma in asked) == wanted.controls
    assert set(asked) <= {*pool(study), *attention_checks(study)}
    first = {item.dilemma.id: item for item in new}
    repeated = [item for item in plan if item.repeat]
    assert len({item.dilemma.id for item in repeated}) == len(repeated) == wanted.repeats
    for item in repeated:
        before = first[item.dilemma.id]
        assert item.position - before.position >= DISTANCE
        assert {item.order, before.order} == {"ab", "ba"}
        assert not item.dilemma.is_control
    # Each part of the interview before repeats has one control.
    at = [place for place, dilemma in enumerate(asked) if dilemma.is_control]
    ends = [part * len(asked) // max(wanted.controls, 1) for part in range(wanted.controls + 1)]
    assert all(low <= place < high for low, place, high in zip(ends, at, ends[1:], strict=False))


def test_every_dilemma_comes_equally_often_and_equally_often_on_each_side() -> None:
    # 20 of 200 dilemmas: each has probability .1; 2 repeats: .01; as listed: half of the times.
    study = load_study(DRAWN)
    wanted = numbers(study, 20, 2, 2)
    plans = [plan_interview(study, wanted, seed) for seed in SEEDS]
    items = [item for plan in plans for item in plan if not item.dilemma.is_control]
    drawn = Counter(item.dilemma.id for item in items if not item.repeat)
    repeats = Counter(item.dilemma.id for item in items if item.repeat)
    listed = Counter(item.dilemma.id for item in items if item.order == "ab")
    for dilemma in pool(study):
        assert within(drawn[dilemma.id], len(SEEDS), 0.1)
        assert within(repeats[dilemma.id], len(SEEDS), 0.01)
        assert within(listed[dilemma.id], drawn[dilemma.id] + repeats[dilemma.id], 0.5)
    checks = Counter(item.dilemma.id for plan in plans for item in plan if item.dilemma.is_control)
    assert all(within(count, len(SEEDS), 2 / 5) for count in checks.values()) and len(checks) == 5


def within(count: int, of: int, probability: float) -> bool:
    """Return whether a binomial count is within 5 standard deviations: 1 in 10^6 is not."""
    return abs(count - of * probability) <= 5 * sqrt(of * probability * (1 - probability))


def test_every_dilemma_is_equally_often_at_each_place() -> None:
    study = load_study(FIXED)
    wanted = numbers(study, 14, 0, 0)
    for items in zip(*(plan_interview(study, wanted, seed) for seed in SEEDS), strict=True):
        found = Counter(item.dilemma.id for item in items)
        assert all(within(found[dilemma.id], len(SEEDS), 1 / 14) for dilemma in pool(study))


def test_plans_do_not_change_between_versions() -> None:
    # A change needs a new PLAN_VERSION, or people could not resume.
    study = load_study(DRAWN)
    plan = plan_interview(study, numbers(study, 8, 1, 2), 1)
    shown = " ".join(f"{one.dilemma.id}-{one.order}{'*' * one.repeat}" for one in plan)
    assert shown == (
        "d139-ba d122-ab d087-ba d096-ab d005-ab d059-ba c-dom-3-ba d037-ab d115-ab "
        "d005-ba* d122-ba*"
    )
