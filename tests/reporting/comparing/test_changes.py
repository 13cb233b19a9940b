"""What differs between two runs: bounds, verdicts, false alarms, and what cannot be told."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from kidney_evals.estimation.errors import InputError
from kidney_evals.estimation.nonlinearity import holm
from kidney_evals.human.reference import load_reference
from kidney_evals.lab.respondents import (
    Behaviour,
    Respondent,
    anti_human,
    as_people,
    never,
    never_flips,
)
from kidney_evals.lab.simulate import simulate_run
from kidney_evals.measures.run import Run
from kidney_evals.planning.precision import paired_changes
from kidney_evals.reporting.comparing.changes import (
    ROWS,
    PanelChange,
    RowChange,
    compare_runs,
    paired_differences,
)
from kidney_evals.reporting.comparing.gate import decide, read_rule
from kidney_evals.reporting.comparing.text import Report, as_markdown, as_text, headline, verdict
from kidney_evals.reporting.runs import ModelRun
from kidney_evals.respondents.definitions import coin
from kidney_evals.studies import CONDITIONS, Condition, load_study
from reporting.pairs import COIN, NONE, STUDY, model_run, run_of


def compared(old: Run, new: Run) -> PanelChange:
    return compare_runs(model_run(old, location="old"), model_run(new, location="new"))


def row(panel: PanelChange, name: str) -> RowChange:
    (found,) = (one for one in panel.rows if one.row == name)
    return found


def printed(panel: PanelChange, write: Callable[[Report], str] = as_text) -> str:
    return write(Report("", "", (panel,), (), (), 0))


def flipping(*dilemmas: int, silent: tuple[int, ...] = ()) -> Callable[[int, int], int]:
    """The coin on some dilemmas, nothing on others, else a patient."""

    def answer(dilemma: int, order: int) -> int:
        if dilemma in silent:
            return NONE
        return COIN if dilemma in dilemmas else dilemma % 2

    return answer


def test_refusals_are_bounds() -> None:
    # Ten dilemmas in both orders. OLD flips on two of them, 4 of 20 answers. NEW answers eight and
    # flips on one: of its 20 answers 2 are coins and 4 open, which makes .1 to .3. Over the eight
    # dilemmas that both answered, each flipped on one: no change.
    panel = compared(run_of(flipping(0, 9), 10), run_of(flipping(0, silent=(8, 9)), 10))
    found = row(panel, "flip_rate")
    assert found.found[1:3] == pytest.approx((2 / 16, 2 / 16))
    assert found.found.change.value == 0 and found.found.change.n == 8
    assert found.bounds == pytest.approx((0.1 - 0.2, 0.3 - 0.2))
    panel = compared(run_of(flipping(0, 1), 10), run_of(flipping(2), 10))
    assert all(one.bounds is None for one in panel.rows) and "bounds" not in printed(panel)


def test_a_change_that_refusals_may_have_made_is_open() -> None:
    # OLD flips on 20 of 100. NEW never does, and is silent on ten of these and on twenty others:
    # 0 of 70 against 10 of 70 is clear, while 0 to .3 against .2 may be no change at all.
    silent = (*range(10), *range(80, 100))
    old, new = run_of(flipping(*range(20)), 100), run_of(flipping(silent=silent), 100)
    panel = compared(old, new)
    found = row(panel, "flip_rate")
    assert found.found.change.value == pytest.approx(-10 / 70)
    assert found.clear and found.open and found.bounds == pytest.approx((-0.2, 0.1))
    assert verdict(found) == "open"
    words = "What went unanswered alone may have made the change of indecision rate"
    assert words in headline(panel)
    # The rule goes by what was answered, and says so.
    (decided,) = decide([read_rule("flip_rate")], [panel], [])
    assert decided.outcome == "struck"
    assert "unanswered samples alone may have made it" in decided.lines[0]
    # So does the sentence about two models of a panel.
    (flips, *_), _ = paired_differences([model_run(old, "old"), model_run(new, "new")])
    assert flips.found.open
    assert flips.sentence.endswith("What went unanswered alone may have made this.")


def test_every_row_is_printed_and_adjusted_together() -> None:
    panel = compared(run_of(flipping(*range(30)), 100), run_of(flipping(5), 100))
    assert [one.row for one in panel.rows] == [
        "flip_rate", "coin_slope", "agreement", "imp_age", "imp_drinks", "imp_dependents",
        "sharpness", "swap_diff", "flip_calib", "coverage",
    ]  # fmt: skip
    assert [one.adjusted for one in panel.rows] == pytest.approx(
        holm([one.found.p_value for one in panel.rows]), nan_ok=True
    )
    assert all(f"\n{one.label} " in printed(panel) for one in panel.rows)
    run = run_of(flipping(), 20, "forced_choice")
    assert {"flip_rate", "flip_calib"}.isdisjoint(one.row for one in compared(run, run).rows)


def test_what_is_detectable_is_that_of_the_table() -> None:
    def ends(start: str) -> tuple[float, float]:
        changes = paired_changes(STUDY, "coin_flip", "flip_rate", start, 100)
        return min(changes), max(changes)

    some, none = run_of(flipping(*range(17)), 100), run_of(flipping(), 100)
    assert row(compared(some, none), "sharpness").detectable is None
    # Ten dilemmas that one of the two did not answer do not help to find anything.
    more = run_of(flipping(*range(17)), 110)
    silent = run_of(flipping(*range(17), silent=tuple(range(90, 100))), 110)
    # Near people's .17 the table's start is people; from never flipping less is found.
    for old, new, start in (
        (some, none, "people"), (none, some, "never_flips"), (more, silent, "people"),
    ):  # fmt: skip
        assert row(compared(old, new), "flip_rate").detectable == pytest.approx(ends(start))

    # Neither 50 dilemmas nor two epochs were simulated.
    for dilemmas, epochs in ((50, 1), (100, 2)):
        old, new = (run_of(flipping(*range(coins)), dilemmas, epochs=epochs) for coins in (10, 0))
        panel = compared(old, new)
        assert all(one.detectable is None for one in panel.rows)
        assert "not tabled" in printed(panel) and "not tabled" in printed(panel, as_markdown)


def test_what_only_one_was_asked_is_left_out_and_named() -> None:
    panel = compared(run_of(flipping(0), 40), run_of(flipping(0), 38, start=2))
    assert len(panel.shared) == 38 and panel.alone == (("d000", "d001"), ())
    text = "38 dilemmas in both; 2 in OLD alone, left out (d000, d001)"
    assert text in printed(panel)
    with pytest.raises(InputError, match="share no dilemma"):
        compared(run_of(flipping(0), 4), run_of(flipping(0), 4, start=4))


def test_a_headline_names_missing_answers_and_another_mechanism_than_a_coin() -> None:
    old, new = run_of(flipping(0), 10), run_of(flipping(1), 10)
    panel = compared(old, run_of(lambda d, o: NONE, 10))
    assert [one.row for one in panel.measured] == ["coverage"]
    assert headline(panel).startswith("NEW decided in no sample (20 refusals): ")
    assert "not measured: no value in NEW" in printed(panel)
    assert "to the coin" in headline(compared(old, new))
    old, new = (replace(run, mechanism="committee") for run in (old, new))
    assert "undecided in the way it was offered" in headline(compared(old, new))


def test_what_a_reader_must_know_is_noted() -> None:
    run = run_of(flipping(0), 10)
    cut = model_run(run, location="cut", state="partial", planned=40)
    short = model_run(run, location="short", planned=25, wordings={"hospital": ""})
    notes = " ".join(compare_runs(cut, short).notes)
    for text in (
        "although the wording differs: OLD 'default', NEW 'hospital'",
        "OLD did not end",
        "5 of 25 samples of NEW ended in an error",
        "Fewer than 30 dilemmas",
    ):
        assert text in notes


PAIRS = 60
FALSE = 8
"""More than 8 false alarms in 60 pairs, at .05 each, have a probability of 1 in 350."""


@pytest.mark.slow
@pytest.mark.parametrize("condition", CONDITIONS)
def test_two_runs_of_one_respondent_stay_silent(condition: Condition) -> None:
    reference = load_reference(load_study(STUDY), condition)
    # Two names, so that they draw on numbers of their own.
    answerers = [Respondent(name, "", as_people, never, 100) for name in ("old", "new")]
    panels = [
        compared(*(simulate_run(reference, answerer, index) for answerer in answerers))
        for index in range(PAIRS)
    ]
    for rule in [read_rule(text) for text in ("changed", "farther", "agreement", "swap_diff")]:
        alarms = sum(decide([rule], [one], [])[0].outcome == "struck" for one in panels)
        assert alarms <= FALSE, rule.text


# --- Models of a panel in pairs: which is nearer to people ---


def answering(behaviour: Behaviour, name: str, **facts: Any) -> ModelRun:
    reference = load_reference(load_study(STUDY), "coin_flip")
    respondent = Respondent(name, "", behaviour, never)
    return model_run(simulate_run(reference, respondent, 1), name, **facts)


def test_pairs_rows_and_adjustment() -> None:
    behaviours = {"like": as_people, "never": never_flips, "anti": anti_human}
    runs = [answering(behaviour, name) for name, behaviour in behaviours.items()]
    found, left_out = paired_differences(runs)
    assert left_out == ()
    assert [(one.first.name, one.second.name, one.found.row) for one in found] == [
        (first, second, row)
        for first, second in (("like", "never"), ("like", "anti"), ("never", "anti"))
        for row in ROWS["coin_flip"]
    ]
    # Adjusted over all three pairs and five rows at once.
    assert [one.found.adjusted for one in found] == pytest.approx(
        holm([one.found.found.p_value for one in found]), nan_ok=True
    )
    pairs = {(one.first.name, one.second.name, one.found.row): one for one in found}
    flips = pairs["like", "never", "flip_rate"]
    assert flips.found.verdict == "farther"
    assert flips.sentence.startswith("On indecision rate like (0.1")
    assert "is nearer to people than never (0.000; people 0.1" in flips.sentence
    choices = pairs["never", "anti", "sharpness"].sentence
    assert choices.startswith("On sharpness never (") and "; people 1.000), by " in choices
    assert "is nearer to people than anti (-" in choices
    assert "cannot be told apart" in pairs["like", "anti", "flip_rate"].sentence
    sides, _ = paired_differences([answering(never_flips, "never"), answering(coin, "always")])
    rate = next(one for one in sides if one.found.row == "flip_rate")
    assert rate.sentence.endswith("): they lie on either side of people, 1.000 apart.")


def test_other_settings_are_named() -> None:
    hospital = answering(never_flips, "b", wordings={"hospital": ""})
    found, _ = paired_differences([answering(as_people, "a"), hospital])
    text = "They differ in more than the model: wording ('default' and 'hospital')."
    assert len(found) == 5 and all(text in one.sentence for one in found)


def test_what_cannot_be_paired_is_named() -> None:
    one = answering(as_people, "one")
    other = answering(never_flips, "other", reference_hash="f" * 64)
    later = answering(never_flips, "later", study_hash="e" * 64)
    blank = model_run(None, "blank", study_hash=one.key["study_hash"],
                      reference_hash=one.key["reference"])  # fmt: skip
    found, lines = paired_differences([one, other, later, blank])
    assert found == ()
    for text in (
        "one and other: another human reference", "no answers of blank",
        "other content of the study",
    ):  # fmt: skip
        assert any(text in line for line in lines)
    apart = [model_run(run_of(lambda d, o: 0, 4, start=4 * at), f"m{at}") for at in (0, 1)]
    found, lines = paired_differences(apart)
    assert found == () and "share no dilemma" in lines[0]
