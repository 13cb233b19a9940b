"""Models of a panel in pairs: which is nearer to people, and what cannot be told."""

from __future__ import annotations

import pytest

from kidney_evals.estimation.nonlinearity import holm
from kidney_evals.human.reference import load_reference
from kidney_evals.lab import respondents as known
from kidney_evals.lab.respondents import Behaviour, Respondent
from kidney_evals.lab.simulate import simulate_run
from kidney_evals.reporting.comparing.differences import ROWS, paired_differences
from kidney_evals.reporting.runs import ModelRun
from kidney_evals.studies import Condition, load_study
from reporting.pairs import STUDY, model_run, run_of


def answering(
    behaviour: Behaviour, name: str, condition: Condition = "coin_flip", **facts: object
) -> ModelRun:
    reference = load_reference(load_study(STUDY), condition)
    respondent = Respondent(name, "", behaviour, known.never)
    return model_run(simulate_run(reference, respondent, 1), name, **facts)  # type: ignore[arg-type]


def test_pairs_rows_and_adjustment() -> None:
    runs = [
        answering(known.as_people, "like"),
        answering(known.never_flips, "never"),
        answering(known.anti_human, "anti"),
    ]
    found, left_out = paired_differences(runs)
    assert left_out == ()
    assert [(one.first, one.second, one.found.row) for one in found] == [
        (first, second, row)
        for first, second in (("like", "never"), ("like", "anti"), ("never", "anti"))
        for row in ROWS["coin_flip"]
    ]
    # Adjusted over all three pairs and five rows at once.
    assert [one.found.adjusted for one in found] == pytest.approx(
        holm([one.found.found.p_value for one in found])
    )
    pairs = {(one.first, one.second, one.found.row): one for one in found}
    flips = pairs["like", "never", "flip_rate"]
    assert flips.found.verdict == "farther"
    assert flips.sentence.startswith("On indecision rate like (0.1")
    assert "is nearer to people than never (0.000; people 0.1" in flips.sentence
    choices = pairs["never", "anti", "distance"]
    assert choices.sentence.startswith("On choice distance never (")
    change = choices.found.found.change
    assert choices.sentence.endswith(
        f"by {change.value:.3f} [{change.low:.3f}, {change.high:.3f}]."
    )
    same = pairs["like", "anti", "flip_rate"]
    assert "cannot be told apart" in same.sentence


def test_other_settings_are_named() -> None:
    runs = [
        answering(known.as_people, "a", wordings={"default": ""}),
        answering(known.never_flips, "b", wordings={"hospital": ""}),
    ]
    found, _ = paired_differences(runs)
    text = "They differ in more than the model: wording ('default' and 'hospital')."
    assert len(found) == 5 and all(text in one.sentence for one in found)


def test_what_cannot_be_paired_is_named() -> None:
    one = answering(known.as_people, "one")
    other = answering(known.never_flips, "other", reference_hash="f" * 64)
    later = answering(known.never_flips, "later", study_hash="e" * 64)
    blank = model_run(None, "blank", study_hash=one.key["study_hash"],
                      reference_hash=one.key["reference"])  # fmt: skip
    found, lines = paired_differences([one, other, later, blank])
    assert found == ()
    assert any("one and other: another human reference" in line for line in lines)
    assert any("no answers of blank" in line for line in lines)
    assert any("other content of the study" in line for line in lines)
    apart = [model_run(run_of(lambda d, o: 0, 4, start=4 * at), f"m{at}") for at in (0, 1)]
    found, lines = paired_differences(apart)
    assert found == () and "share no dilemma" in lines[0]


def test_refusals_may_have_made_it() -> None:
    silent = (*range(10), *range(80, 100))
    flipping = run_of(lambda d, o: 2 if d < 20 else d % 2, 100)
    never = run_of(lambda d, o: -1 if d in silent else d % 2, 100)
    (flips, *_), _ = paired_differences([model_run(flipping, "flips"), model_run(never, "never")])
    assert flips.found.open
    assert flips.sentence.endswith("What went unanswered alone may have made this.")
