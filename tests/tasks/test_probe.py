"""Runs with a probe: their questions, what is refused, and what becomes of the answers."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.log import EvalLog
from inspect_ai.model import ChatMessageUser

from cli.calling import printed
from kidney_evals.measures import compute
from kidney_evals.measures.run import Run
from kidney_evals.reporting import rows_of
from kidney_evals.reporting.rows import answers_of
from kidney_evals.tasks import coin_flip, forced_choice
from tasks.running import TASKS, meta, run


def run_in(log: EvalLog) -> Run:
    found = answers_of(log.samples or ())
    assert isinstance(found, Run)
    return found


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, EvalLog]:
    """A run of each condition with a planted bias, 40 dilemmas."""
    folder = tmp_path_factory.mktemp("logs")
    more: dict[str, Any] = {"model": "kidney/human", "model_args": {"probe_bias": 0.3}}
    return {
        name: run(task(probe="gender", dilemmas=40), folder / name, **more)
        for name, task in TASKS.items()
    }


@pytest.mark.parametrize(("name", "questions"), [("forced_choice", 4), ("coin_flip", 6)])
def test_the_questions(asked: dict[str, EvalLog], name: str, questions: int) -> None:
    samples = asked[name].samples or []
    # 40 dilemmas, and 10 controls without the probe.
    assert len(samples) == len({sample.id for sample in samples}) == 40 * questions + 10
    listed = TASKS[name](probe="gender").dataset
    assert len(list(listed)) == 100 * questions + 10
    for sample in samples:
        facts = meta(sample)
        text = next(one.text for one in sample.messages if isinstance(one, ChatMessageUser))
        assert facts["probe"] == "gender" and facts["probe_levels"] == "woman,man"
        if facts["kind"] != "drawn":
            assert "assignment" not in facts and "Gender" not in text
            continue
        shown = facts["probe_a"], facts["probe_b"]
        assert facts["assignment"] == "/".join(shown if facts["order"] == "ab" else shown[::-1])
        a, b = text.split("Patient B")[:2]
        assert f"- Gender: {shown[0]}\n" in a and f"- Gender: {shown[1]}\n" in b
        # The line is the last of each candidate.
        assert a.rstrip().endswith(f"Gender: {shown[0]}")
    by_order = Counter((meta(one)["order"], meta(one).get("assignment")) for one in samples)
    assert by_order["ab", "woman/man"] == by_order["ba", "man/woman"] == 40
    # Questions of equal levels: each level in each order in half of the dilemmas.
    assert by_order["ab", "man/man"] == (20 if questions == 6 else 0)


def test_without_a_probe_nothing_is_new() -> None:
    # A pinned id: runs with and without a probe of the same dilemma are joined by its beginning.
    plain = [str(one.id) for one in forced_choice(dilemmas=1, controls=False).dataset]
    probed = [one.id for one in forced_choice(dilemmas=1, controls=False, probe="gender").dataset]
    assert plain[0].startswith("d000-ab-") and not any(id in probed for id in plain)
    assert {str(id).rpartition("-gender-")[0] for id in probed} == set(plain)
    assert "probe" not in meta(next(iter(forced_choice(dilemmas=1).dataset)))
    assert "probe" not in (forced_choice(dilemmas=1).metadata or {})


@pytest.mark.parametrize("name", TASKS)
def test_the_rows(asked: dict[str, EvalLog], name: str) -> None:
    log = asked[name]
    assert log.results is not None and log.eval.metadata is not None
    rows = [score.name for score in log.results.scores]
    expected = ["amce_woman", "probe_coin"] if name == "coin_flip" else ["amce_woman"]
    # They are the first rows of the header.
    assert rows[: len(expected)] == expected and len(rows) == len(set(rows))
    found = compute(run_in(log), "amce_woman")
    # Planted .30; a crowd's standard error at 40 dilemmas is about .06.
    assert found.n == 40 and abs(found.value - 0.3) < 0.2 and found.low > 0
    stored = rows_of(log.model_copy(update={"samples": None}))["amce_woman"]
    assert stored.value == pytest.approx(found.value, abs=1e-4) and stored.n == 40
    assert found.human != found.human  # nobody was asked
    assert log.eval.metadata["probe"].startswith("gender ")
    sample = next(one for one in log.samples or [] if "assignment" in meta(one))
    score = (sample.scores or {})["human_alignment"]
    assert str(score.explanation).count("Gender") == 1
    assert isinstance(score.value, dict) and str(score.value["amce_woman"]).startswith("woman")


def test_a_rule_that_always_chooses_women(tmp_path: Path) -> None:
    task = forced_choice(probe="gender", dilemmas=10, controls=False)
    found = run_in(run(task, tmp_path, model="kidney/human", model_args={"probe_bias": 1.0}))
    # Each contrast is 1 - 0, and the man is the other candidate.
    assert compute(found, "amce_woman").value == 1
    # With the same assignment the two orders have the same answer, although the answer to a
    # dilemma changes with the assignment; in each assignment one question is a pair.
    swap = compute(found, "swap_diff")
    assert (swap.value, swap.n) == (0, 20)
    assert not compute(found, "retest").defined
    assert compute(found, "agreement").n == 10


def test_the_swap_interval_has_dilemmas_as_clusters(tmp_path: Path) -> None:
    # Always A: all 20 pairs of orders differ, but they are of 10 dilemmas, so that the lower end
    # is Wilson's of 10 of 10, 10 / (10 + 1.96²).
    task = forced_choice(probe="gender", dilemmas=10, controls=False)
    found = compute(run_in(run(task, tmp_path, model="kidney/first")), "swap_diff")
    assert found.value == 1 and found.low == pytest.approx(10 / (10 + 1.96**2), abs=1e-3)


@pytest.mark.parametrize(
    "arguments",
    [
        {"channel": "json"},
        {"channel": "tool", "explain": "before"},
        {"readout": "logprobs"},
        {"wording": "all", "probe": "names"},
        {"study": "freedman_2020", "model": "kidney/uniform"},  # nobody was offered a coin
        {"study": "mcelfresh_2021_fixed", "dilemmas": None},
        {"probe": "ethnicity"},
    ],
    ids=str,
)
@pytest.mark.slow
def test_every_way_of_asking(arguments: dict[str, Any], tmp_path: Path) -> None:
    asks: dict[str, Any] = {"probe": "gender", "dilemmas": 6, "controls": False} | arguments
    model = asks.pop("model", "kidney/human")
    log = run(coin_flip(**asks), tmp_path, model=model, epochs=1)
    found = run_in(log)
    first = {"names": "black_name", "ethnicity": "black"}.get(asks["probe"], "woman")
    assert compute(found, f"amce_{first}").defined and compute(found, "probe_coin").defined
    card = rows_of(log).card
    assert card is not None and card.probe is not None
    # Too few dilemmas for a verdict.
    assert card.probe.verdict == "cannot tell"
    assert len(found.probe_rows) == (3 if asks["probe"] == "ethnicity" else 1)


def test_commands(asked: dict[str, EvalLog], tmp_path: Path) -> None:
    log = asked["coin_flip"]
    place = log.location.removeprefix("file://")
    shown = printed("show", place)
    assert "Probe gender: favours woman" in " ".join(shown.split())
    assert "Does it treat them alike?" in shown and "(±.05)" in shown
    assert max(map(len, shown.splitlines())) <= 80
    assert "effect, woman" in printed("show", "--all", place)
    card = json.loads(printed("show", "--format", "json", place))[0]["card"]
    assert card["probe"]["verdict"] == "favours woman" and card["probe"]["margin"] == 0.05
    assert "Does it treat them alike?" in printed("show", "--format", "md", place)
    assert "effect, woman" in printed("table", place)
    page = tmp_path / "page.html"
    printed("report", place, "-o", page)
    text = page.read_text(encoding="utf-8")
    assert "Probe gender: favours woman" in text and "Does it treat them alike?" in text
    assert " 0 differ" in printed("rescore", place, "-o", tmp_path / "again.eval")


@pytest.mark.parametrize(
    ("name", "arguments", "samples"),
    [
        # 100 dilemmas 4 or 6 times, and 10 controls.
        ("forced_choice", ["probe=gender"], 410),
        ("coin_flip", ["probe=ethnicity"], 610),
        ("coin_flip", ["probe=gender", "dilemmas=50", "controls=false"], 300),
    ],
)
def test_the_plan_counts_calls(name: str, arguments: list[str], samples: int) -> None:
    shown = printed("plan", name, *(word for one in arguments for word in ("-T", one)))
    line = next(one for one in shown.splitlines() if one.startswith(f"{name} "))
    assert line.split()[1:3] == [str(samples), f"{samples}–{2 * samples}"]
    assert f"probe {arguments[0].partition('=')[2]}: its effect" in shown
