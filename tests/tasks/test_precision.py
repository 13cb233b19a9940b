"""`-T precision`: a run asks no more than needed, whole dilemmas, and never hangs."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog, read_eval_log

from cli.calling import inspect, printed
from kidney_evals.reporting import rows_of
from kidney_evals.reporting.text import how_it_ended
from kidney_evals.tasks import coin_flip, stopping
from kidney_evals.tasks.stopping import StopWhenKnown
from killing import FLUSHED, killed_run
from tasks.running import TASKS, meta
from tasks.running import run as run_task
from tasks.scheduling import Fate, Ran, drive

pytestmark = pytest.mark.timeout(240)

PER = 2
"""Samples of a dilemma: one in each order."""


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    """100 dilemmas in both orders, then the 10 controls."""
    return list(coin_flip(dilemmas=100, precision=0.05).dataset)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the wait for samples that do not come."""
    monkeypatch.setattr(stopping, "QUIET", 0.05)


def never(sample: Sample, epoch: int) -> str:
    return "first"


def every_other(sample: Sample, epoch: int) -> str:
    return "coin" if meta(sample)["order"] == "ab" else "first"


def run(samples: list[Sample], choice: Callable[[Sample, int], str], **options: Any) -> Ran:
    """Run samples; check that every dilemma was begun in both orders or in none."""
    ran = asyncio.run(drive(StopWhenKnown(0.05, "coin_flip"), samples, choice, **options))
    fate: Callable[[Sample, int], Fate] = options.get("fate", lambda sample, epoch: "done")
    started = {id for id, _ in ran.started}
    begun = Counter(
        meta(sample)["dilemma"]
        for sample in samples
        if meta(sample)["kind"] == "drawn"
        and (sample.id in started or fate(sample, 1) in ("reused", "discarded"))
    )
    assert set(begun.values()) <= {PER}
    return ran


def only(count: int, end: Fate) -> Callable[[Sample, int], Fate]:
    """Every `count`-th sample of the first 50 dilemmas ends with `end`."""

    def fate(sample: Sample, epoch: int) -> Fate:
        if meta(sample)["kind"] != "drawn":
            return "done"
        number = 2 * int(meta(sample)["dilemma"][1:]) + (meta(sample)["order"] == "ba")
        return end if number < 100 and number % count == 3 else "done"

    return fate


@pytest.mark.parametrize("slots", [1, 100])
@pytest.mark.parametrize(
    ("choice", "dilemmas"),
    # Never a coin in 100 answers worth at least 50: 3.84 / (50 + 3.84) / 2 = .036 < .05.
    # A coin in every second of at most 200: 1.96 × .5 / √200 = .069.
    [(never, 50), (every_other, 100)],
)
def test_asks_until_it_is_known(
    samples: list[Sample], choice: Callable[[Sample, int], str], dilemmas: int, slots: int
) -> None:
    ran = run(samples, choice, slots=slots)
    # In the order of the dataset, and then the controls.
    asked = [one.id for one in samples[: dilemmas * PER]] + [one.id for one in samples[200:]]
    if slots == 1:
        assert [id for id, _ in ran.started] == asked
    assert Counter(id for id, _ in ran.started) == Counter(asked)
    assert ran.summary["dilemmas"] == dilemmas and ran.summary["dilemmas_planned"] == 100
    assert ran.summary["samples_spared"] == len(ran.stopped) == (100 - dilemmas) * PER
    assert ran.summary["reached"] == (dilemmas == 50)
    looked = [one["dilemmas"] for one in ran.summary["looks"]]
    assert looked == [50, 75, 100][: dilemmas // 25 - 1]


@pytest.mark.parametrize("slots", [1, 30])
@pytest.mark.parametrize(
    ("fate", "started"),
    [
        (only(9, "error"), 110),
        (only(9, "cancelled"), 110),
        # 100 samples, 11 of them twice, and 10 controls.
        (only(9, "retry"), 121),
        (only(9, "discarded"), 99),
        (only(9, "reused"), 99),
    ],
)
def test_whatever_becomes_of_a_sample_nothing_waits_for_it(
    samples: list[Sample], fate: Callable[[Sample, int], Fate], started: int, slots: int
) -> None:
    ran = run(samples, never, fate=fate, slots=slots)
    assert len(ran.started) == started
    assert ran.summary["dilemmas"] == 50 and len(ran.stopped) == 100


def test_a_run_without_a_single_answer_asks_everything(samples: list[Sample]) -> None:
    ran = run(samples, never, fate=lambda sample, epoch: "error", slots=10)
    assert len(ran.started) == 210 and not ran.summary["reached"]
    assert ran.summary["half_width"] is None
    assert "Not reached: after all 100 dilemmas flip_rate has no interval" in ran.summary["says"]


@pytest.mark.parametrize("slots", [1, 20, 1000])
def test_any_order_of_the_queue_keeps_dilemmas_whole(samples: list[Sample], slots: int) -> None:
    queue = random.Random(slots).sample(samples, len(samples))
    ran = run(samples, never, slots=slots, queue=queue)
    assert ran.summary["reached"]
    if slots == 1000:
        assert ran.summary["dilemmas"] == 50


def test_a_sample_that_failed_before_comes_late_and_is_run(samples: list[Sample]) -> None:
    # As in an `eval-retry`: the first ten dilemmas are in the log but for one sample, which
    # failed and reaches the queue last, when another one holds the only slot.
    failed = samples[5]

    def fate(sample: Sample, epoch: int) -> Fate:
        return "reused" if samples.index(sample) < 100 and sample is not failed else "done"

    queue = [one for one in samples if one is not failed] + [failed]
    ran = run(samples, never, fate=fate, slots=1, queue=queue)
    assert [id for id, _ in ran.started if id in {one.id for one in samples[:200]}] == [failed.id]
    assert ran.summary["dilemmas"] == 50


def test_what_an_earlier_run_went_on_to_ask_is_asked_whole(samples: list[Sample]) -> None:
    # The first run got as far as one sample of dilemma 60: its block, up to 75, is run.
    early = {one.id for one in [*samples[:100], samples[120]]}
    ran = run(samples, never, fate=lambda one, _: "reused" if one.id in early else "done", slots=3)
    assert ran.summary["dilemmas"] == 75
    assert len(ran.started) == 150 - 101 + 10 and len(ran.stopped) == 50


@pytest.mark.parametrize("slots", [1, 40])
def test_later_epochs_repeat_what_was_asked(samples: list[Sample], slots: int) -> None:
    ran = run(samples, never, epochs=2, slots=slots)
    assert ran.summary["samples_spared"] == 200 and ran.summary["samples_planned"] == 400
    once, twice = ({id for id, epoch in ran.started if epoch == one} for one in (1, 2))
    assert once == twice and len(once) == 110


@pytest.mark.parametrize(("limit", "dilemmas", "asked"), [(37, 19, 37), (130, 50, 100)])
def test_a_limit_is_the_plan(samples: list[Sample], limit: int, dilemmas: int, asked: int) -> None:
    manager = StopWhenKnown(0.05, "coin_flip")
    ran = asyncio.run(drive(manager, samples[:limit], never, slots=5))
    assert len(ran.started) == asked and ran.summary["dilemmas"] == dilemmas


# What follows runs through Inspect itself.


def finish(log: EvalLog, dilemmas: int, planned: int) -> dict[str, Any]:
    """Check a finished log: whole dilemmas, no more than were asked; return what it says."""
    assert log.status == "success", log.error
    assert log.results is not None and log.results.early_stopping is not None
    entry = log.results.early_stopping.metadata
    drawn = [one.metadata for one in log.samples or () if one.metadata["kind"] == "drawn"]
    asked = Counter(one["dilemma"] for one in drawn)
    assert len(asked) == entry["dilemmas"] == dilemmas
    assert set(asked.values()) == {PER}
    assert entry["samples_spared"] == len(log.results.early_stopping.early_stops)
    assert entry["samples_spared"] == (planned - dilemmas) * PER
    row = rows_of(log)[str(entry["rate"])]
    # The log's rows have four digits.
    assert entry["half_width"] == pytest.approx((row.high - row.low) / 2, abs=1e-4)
    return entry


@pytest.mark.parametrize(
    ("name", "respondent", "rate"),
    [
        ("coin_flip", "never_flips", "flip_rate"),
        pytest.param("forced_choice", "majority", "swap_diff", marks=pytest.mark.slow),
    ],
)
def test_a_run_stops_and_says_so(name: str, respondent: str, rate: str, tmp_path: Path) -> None:
    log = run_task(TASKS[name](dilemmas=60, precision=0.05), tmp_path, f"kidney/{respondent}")
    finish(log, 50, 60)
    says = (
        f"Stopped after 50 of 60 dilemmas: {rate} was known to ±0.036, asked for was less than "
        "±0.05. 20 of 120 samples were not run."
    )
    assert how_it_ended(log) == says
    assert says in " ".join(printed("show", log.location).split())
    assert log.results is not None and log.results.early_stopping is not None
    assert {one.reason for one in log.results.early_stopping.early_stops} == {says}
    assert log.results.early_stopping.manager == "precision"
    assert len(log.samples or ()) == 100 + 10


@pytest.mark.slow
def test_a_run_without_scores_stops_as_well(tmp_path: Path) -> None:
    task = coin_flip(dilemmas=60, precision=0.05)
    log = run_task(task, tmp_path, "kidney/never_flips", score=False)
    # The first 50 dilemmas in both orders, and the 10 controls.
    assert len(log.samples or ()) == 50 * PER + 10
    assert all(not one.scores for one in log.samples or ())
    assert log.results is None or log.results.scores == []


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_killed_run_is_taken_up_and_stops(tmp_path: Path) -> None:
    asked = ("-T", "dilemmas=80", "-T", "precision=0.05")
    path, killed = killed_run(tmp_path, "--model", "kidney/never_flips", *asked)
    assert FLUSHED <= len(killed) < 100

    done = inspect("eval-retry", path, "--log-dir", "retried", "--display", "plain", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    (again,) = (tmp_path / "retried").glob("*.eval")
    retried = read_eval_log(str(again))
    finish(retried, 50, 80)
    assert {one.uuid for one in killed} <= {one.uuid for one in retried.samples or []}
    task = coin_flip(dilemmas=80, precision=0.05)
    undisturbed = run_task(task, tmp_path / "other", "kidney/never_flips")
    assert how_it_ended(retried) == how_it_ended(undisturbed)
    assert repr(dict(rows_of(retried))) == repr(dict(rows_of(undisturbed)))
