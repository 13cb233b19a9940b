"""What logs say in short is read past Inspect's reader, and is the same read by it."""

import json
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from inspect_ai import Task, eval
from inspect_ai.analysis import samples_df
from inspect_ai.log import (
    EvalError,
    EvalLog,
    EvalSampleSummary,
    read_eval_log_sample_summaries,
)
from inspect_ai.scorer import Score

from kidney_evals.reporting import summaries
from kidney_evals.reporting.decisions import WORTH_WORKERS
from kidney_evals.reporting.found import find_logs
from kidney_evals.reporting.loading import decision_columns, load
from kidney_evals.reporting.runs import read_runs
from kidney_evals.reporting.summaries import SUMMARIES, read_summaries
from kidney_evals.tasks import coin_flip, forced_choice, predict_people, stated_values
from reporting.conftest import Made
from reporting.making_logs import edited

pytest.importorskip("pyarrow")

Change = Callable[[list[dict[str, Any]]], Any]


def listed_anew(source: Path, target: Path, change: Change | None) -> Path:
    """Copy a log with what it says in short changed, or taken out."""
    with zipfile.ZipFile(source) as old:
        text = old.read(SUMMARIES)
        kept = {name: old.read(name) for name in old.NameToInfo if name != SUMMARIES}
    if change is not None:
        changed = change(json.loads(text))
        kept[SUMMARIES] = changed if isinstance(changed, bytes) else json.dumps(changed).encode()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name, content in kept.items():
            new.writestr(name, content)
    return target


def told(location: Path) -> list[str]:
    """Return what Inspect's own reader says, of what is used here."""
    return [repr(summaries._of(one)) for one in read_eval_log_sample_summaries(str(location))]


def ours(location: Path, by_inspect: bool = False) -> list[str]:
    """Return the same by the reader that is tested, and whether it asks Inspect's as said."""
    asked = []

    def asking(*given: Any) -> Any:
        asked.append(given)
        return read_eval_log_sample_summaries(*given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(summaries, "read_eval_log_sample_summaries", asking)
        read = read_summaries(str(location))
    assert bool(asked) == by_inspect
    return [repr(one) for one in read]


def by_inspect(location: Path) -> pd.DataFrame:
    """Return decisions as Inspect's frames have them, by the public columns."""
    read = samples_df([str(location)], columns=decision_columns(), quiet=True)
    read = read.drop(columns="log", errors="ignore")
    return read.sort_values(["dilemma", "order", "wording", "epoch", "sample_id"])


def check_same(location: Path) -> None:
    """Compare the two routes, sample by sample and as frames."""
    assert ours(location) == told(location)
    frame = load(location).decisions
    other = by_inspect(location)
    assert len(frame) == len(other) > 0
    for name in other.columns:
        mine, theirs = (
            [None if pd.isna(value) else value for value in one[name]] for one in (frame, other)
        )
        assert mine == theirs, name
    # The frame's other columns are the run's, and closeness.
    assert set(frame.columns) - set(other.columns) == {"name", "model", "closeness"}


def _troubled(log: EvalLog) -> None:
    """Put in what a run may hold: an error, an unscored sample, a refusal, odd texts."""
    samples = log.samples or []
    samples[0].error = EvalError(message="boom", traceback="", traceback_ansi="")
    samples[0].scores = None
    for score in (samples[1].scores or {}).values():
        score.value, score.metadata = float("nan"), {"outcome": "refusal", "choice": None}
    samples[2].scores = {"answers": Score.unscored(reason="no_response", answer="é \U0001f600")}
    samples[3].metadata["wording"] = "two  spaces\n" + "x" * 2000
    samples[4].scores = {**(samples[4].scores or {}), "another": Score(value=[1, "a", 0.5])}


@pytest.mark.parametrize("name", ["coin", "forced"])
def test_both_readers_say_the_same(name: str, made: Made) -> None:
    check_same(getattr(made, name))


def test_they_do_so_of_errors_refusals_and_odd_texts(made: Made, tmp_path: Path) -> None:
    path = edited(made.coin, tmp_path / "troubled.eval", _troubled)
    check_same(path)
    assert load(path).decisions["outcome"].value_counts().to_dict() == {
        "decision": 19, "error": 2, "refusal": 1,
    }  # fmt: skip


ASKED: dict[str, Callable[[], Task]] = {
    "coin_flip": lambda: coin_flip(dilemmas=5, explain="after"),
    "forced_choice": lambda: forced_choice(dilemmas=5, orders="random"),
    "fixed": lambda: coin_flip(study="mcelfresh_2021_fixed"),
    "stated": stated_values,
    "predicted": lambda: predict_people(drawn=5),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ASKED)
def test_they_do_so_of_every_task_and_of_epochs(name: str, tmp_path: Path) -> None:
    log = eval(ASKED[name](), model="kidney/human", log_dir=str(tmp_path), epochs=2)[0]
    assert log.status == "success", log.error
    (path,) = tmp_path.glob("*.eval")
    assert {one.epoch for one in read_summaries(str(path))} == {1, 2}
    if name in ("stated", "predicted"):
        assert ours(path) == told(path) and not len(load(path).decisions)
    else:
        check_same(path)


def test_of_a_sample_that_was_run_again_the_last_counts(made: Made, tmp_path: Path) -> None:
    def twice(listed: list[dict[str, Any]]) -> list[dict[str, Any]]:
        stale = json.loads(json.dumps(listed[3]))
        stale["scores"]["answers"]["metadata"]["outcome"] = "refusal"
        return [stale, *listed]

    path = listed_anew(made.coin, tmp_path / "again.eval", twice)
    check_same(path)
    assert set(load(path).decisions["outcome"]) == {"decision"}


def _renamed(old: str, new: str) -> Change:
    def rename(listed: list[dict[str, Any]]) -> Any:
        for one in listed:
            one[new] = one.pop(old)
        return listed

    return rename


def _with(**facts: Any) -> Change:
    return lambda listed: [*listed[:-1], listed[-1] | facts]


ODD: dict[str, Change] = {
    "an object of lists": lambda listed: {"samples": listed},
    "one object more in each": lambda listed: [{"summary": one} for one in listed],
    "lists": lambda listed: [list(one.items()) for one in listed],
    "no JSON": lambda listed: b"\x80 compressed in another way",
    "half of it": lambda listed: json.dumps(listed)[:-100].encode(),
    "scores renamed": _renamed("scores", "results"),
    "metadata renamed": _renamed("metadata", "facts"),
    "epoch renamed": _renamed("epoch", "repetition"),
    "completed renamed": _renamed("completed", "state"),
    "one with other scores": _with(scores={"answers": 1.0}),
    "one with a list of scores": _with(scores=[{"name": "answers", "value": 1.0}]),
    "one with metadata as a text": _with(metadata="{}"),
    "one without an id": _with(id=None),
    "one without Inspect's id": _with(uuid=None),
    "one without scores or an error": _with(scores=None),
}


@pytest.mark.parametrize("name", ODD)
def test_what_looks_otherwise_is_left_to_inspect(
    name: str, made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = listed_anew(made.forced, tmp_path / "odd.eval", ODD[name])
    # As an Inspect that writes so would read it.
    known = read_eval_log_sample_summaries(str(made.forced))
    monkeypatch.setattr(summaries, "read_eval_log_sample_summaries", lambda location: known)
    assert read_summaries(str(path)) == read_summaries(str(made.forced))
    pd.testing.assert_frame_equal(load(path).decisions, load(made.forced).decisions)


def test_an_inspect_with_other_names_is_left_to_read(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = EvalSampleSummary.model_fields
    renamed = SimpleNamespace(model_fields={**known, "facts": 1})
    del renamed.model_fields["metadata"]
    monkeypatch.setattr(summaries, "EvalSampleSummary", renamed)
    summaries._known_to_inspect.cache_clear()
    try:
        assert ours(made.forced, by_inspect=True) == told(made.forced)
    finally:
        summaries._known_to_inspect.cache_clear()


def test_logs_without_the_list_are_left_to_inspect(made: Made, tmp_path: Path) -> None:
    journal = listed_anew(made.forced, tmp_path / "journal.eval", None)
    as_json = edited(made.forced, tmp_path / "forced.json", lambda log: None)
    for path in (journal, as_json):
        assert ours(path, by_inspect=True) == told(path)
        one, two = load(path).decisions, load(made.forced).decisions
        pd.testing.assert_frame_equal(one, two)


def test_samples_older_than_inspects_ids_get_those_of_its_frames(
    made: Made, tmp_path: Path
) -> None:
    path = listed_anew(made.forced, tmp_path / "old.eval", _with(uuid=None))
    frame, other = load(path).decisions, by_inspect(path)
    assert frame["sample_id"].tolist() == other["sample_id"].tolist()
    assert frame["id"].tolist() == other["id"].tolist()


def test_rows_of_a_run_that_did_not_write_them_do_not_depend_on_the_reader(
    made: Made, tmp_path: Path
) -> None:
    def cancelled(log: EvalLog) -> None:
        log.status, log.results = "cancelled", None

    path = edited(made.coin, tmp_path / "cancelled.eval", cancelled)
    (run,) = read_runs(find_logs([str(path)]))
    (whole,) = read_runs(find_logs([str(made.coin)]))
    assert {name: _text(one) for name, one in run.rows.items()} == {
        name: _text(one) for name, one in whole.rows.items()
    }


def _text(quantity: tuple[float, ...]) -> list[str]:
    return [str(value) for value in quantity]


def test_reading_costs_little_more_than_taking_the_text_apart(made: Made, tmp_path: Path) -> None:
    """Guard what this module is for: Inspect's reader takes some 15 times `json.loads`.

    In processor time, which a busy machine stretches for both alike.
    """

    def many(listed: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            one | {"id": f"{one['id']}-{index}", "uuid": f"{one['uuid']}{index}"}
            for index in range(50)
            for one in listed
        ]

    path = listed_anew(made.coin, tmp_path / "many.eval", many)
    with zipfile.ZipFile(path) as log:
        text = log.read(SUMMARIES)

    def seconds(do: Callable[[], Any]) -> float:
        start = time.process_time()
        do()
        return time.process_time() - start

    assert len(load(path).decisions) == 1100 < WORTH_WORKERS
    for _ in range(3):
        apart = seconds(lambda: json.loads(text))
        read = seconds(lambda: read_summaries(str(path))) / apart
        framed = seconds(lambda: load(path)) - seconds(lambda: load(path, decisions=False))
        # Measured: 1.2 and 2.
        if read < 3 and framed / apart < 5:
            return
    pytest.fail(f"reading took {read:.1f} times, the frame {framed / apart:.1f} times json.loads")
