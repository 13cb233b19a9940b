"""Which runs of two versions are compared, and which are refused with a line."""

from functools import partial
from typing import Any

import pytest

from kidney_evals.errors import UserError
from kidney_evals.reporting.comparing.matching import DESPITE, Side, check_despite, match_sides
from kidney_evals.reporting.runs import LABELS, ModelRun, differences
from reporting.pairs import model_run

coin = partial(model_run, None)


def matched(
    old: list[ModelRun], new: list[ModelRun], *despite: str
) -> list[tuple[str, str, list[str]]]:
    sides = Side("OLD", tuple(old), (), ()), Side("NEW", tuple(new), (), ())
    found, _, _ = match_sides(*sides, check_despite(despite))
    return [
        (one.file.location, two.file.location, list(differences(one.key, two.key)))
        for one, two in found
    ]


@pytest.mark.parametrize(
    ("part", "facts", "values"),
    [
        ("wording", {"wordings": {"hospital": ""}}, "'default', NEW 'hospital'"),
        ("crossed", {"crossed": True}, "'False', NEW 'True'"),
        ("readout", {"readout": "prefill"}, "'sample', NEW 'prefill'"),
        ("examples", {"examples": 6}, "'0', NEW '6'"),
        ("system-prompt", {"arguments": {"system_prompt": "Be brief."}}, "'None', NEW 'Be brief.'"),
    ],
)
def test_another_key_is_refused_and_may_be_let_pass(
    part: str, facts: dict[str, Any], values: str
) -> None:
    old, new = coin(location="old"), coin(location="new", **facts)
    with pytest.raises(UserError) as caught:
        matched([old], [new])
    line = str(caught.value)
    assert line.startswith("not comparable, coin_flip: ") and "\n" not in line
    assert LABELS[part.replace("-", "_")] in line and values in line
    assert line.endswith(f"--despite {part} lets that pass")
    assert matched([old], [new], part) == [("old", "new", [part.replace("-", "_")])]


@pytest.mark.parametrize(
    ("facts", "what"),
    [
        ({"study_hash": "c" * 64}, "content of the study: OLD has aaaaaaaaaaaa, NEW cccccccccccc"),
        ({"reference_hash": "d" * 64}, "human reference: OLD has bbbbbbbbbbbb, NEW dddddddddddd"),
        ({"version": "2-A"}, "task version: OLD has '1', NEW '2'"),
        ({"probe": "gender 1a2b"}, "probe: OLD has 'none', NEW 'gender 1a2b'"),
        ({"study": "another"}, "study: OLD has 'mcelfresh_2021', NEW 'another'"),
        ({"task": "forced_choice"}, "condition: OLD has 'coin_flip', NEW 'forced_choice'"),
    ],
)
def test_what_figures_are_of_may_never_differ(facts: dict[str, Any], what: str) -> None:
    with pytest.raises(UserError) as caught:
        matched([coin()], [coin(**facts)], *DESPITE)
    assert what in str(caught.value)
    assert str(caught.value).endswith("no figure of the two means the same")
    # Later builds of one version are comparable.
    assert matched([coin(version="1-A")], [coin(version="1-C")])


def test_what_may_be_let_differ_is_checked() -> None:
    given = ["system-prompt", "system_prompt", "wording"]
    assert check_despite(given) == ("system_prompt", "wording")
    for part in ("study", "study-hash", "condition", "reference", "task", "task-version"):
        with pytest.raises(UserError, match="may not differ"):
            check_despite([part])
    with pytest.raises(UserError, match="unknown part 'colour'; allowed: wording, sampling"):
        check_despite(["colour"])


def test_runs_find_their_counterpart_by_the_whole_key() -> None:
    hospital: dict[str, Any] = {"wordings": {"hospital": ""}}
    old = [coin(location="o1"), coin(location="o2", **hospital)]
    new = [coin(location="n2", **hospital), coin(location="n1")]
    # Letting the wording differ does not take apart what is equal.
    for despite in ((), ("wording",)):
        assert sorted(matched(old, new, *despite)) == [("o1", "n1", []), ("o2", "n2", [])]


def test_two_that_would_fit_are_not_guessed_between() -> None:
    new = [coin(location=name, wordings={name: ""}) for name in ("hospital", "nurse")]
    with pytest.raises(UserError, match="is not clear once --despite wording is let go"):
        matched([coin()], new, "wording")
