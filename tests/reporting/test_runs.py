"""The runs behind a report: numbers to the last digit, keys, and a name of their own each."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.log import EvalLog, read_eval_log, recompute_metrics

from kidney_evals.estimation.quantity import Quantity
from kidney_evals.human.reference import load_reference
from kidney_evals.reporting import rows_of
from kidney_evals.reporting.logs import LogFile
from kidney_evals.reporting.rows import stored_rows
from kidney_evals.reporting.runs import LABELS, differences, key_of, read_runs, sampling_of
from kidney_evals.studies import load_study
from reporting.making_logs import (
    Made,
    another,
    cancelled,
    edited,
    fact,
    killed,
    quick,
    runs_in,
    spec,
)

OTHER = "0" * 64
HERE = load_reference(load_study("mcelfresh_2021"), "forced_choice").sha256[:12]

Edit = Callable[[EvalLog], object]


def digits(rows: Any) -> list[tuple[str, str]]:
    """Every number, to the last digit; NaN is equal to itself here."""
    assert all(isinstance(row, Quantity) for row in rows.values())
    return [(name, repr(row)) for name, row in rows.items()]


CHANGES: dict[str, Edit] = {
    "study": fact("study", "x"),
    "study_hash": fact("study_hash", "0"),
    "reference": fact("reference_hash", "0"),
    "wording": fact("wordings", {"default": "", "survey_text": ""}),
    "explain": fact("explain", "before"),
    "channel": fact("channel", "json"),
    "readout": fact("readout", "logprobs"),
    "crossed": fact("crossed", True),
    "task_version": spec("task_version", "3-A"),
    "orders": lambda log: log.eval.task_args.update(orders="random"),
    "system_prompt": lambda log: log.eval.task_args.update(system_prompt="Be kind."),
    "sampling": lambda log: setattr(log.plan.config, "temperature", 0.0),
}

SAME: dict[str, Edit] = {
    "interface": spec("task_version", "2-Z"),
    "speed": lambda log: setattr(log.plan.config, "max_connections", 3),
    "model": spec("model", "other/model"),
    "how many": lambda log: log.eval.task_args.update(dilemmas=2),
}


@pytest.mark.parametrize("change", [*CHANGES, *SAME])
def test_a_key_changes_in_one_part_or_in_none(change: str, header: EvalLog) -> None:
    before = key_of(header)
    assert list(before) == list(LABELS) and before["sampling"] == "provider's own"
    (CHANGES | SAME)[change](header)
    after = key_of(header)
    expected = {change: (before[change], after[change])} if change in CHANGES else {}
    assert differences(before, after) == expected


def test_sampling_settings_are_listed_in_one_order(header: EvalLog) -> None:
    header.eval.model_generate_config.top_p = 0.5
    header.plan.config.temperature = 0.0
    header.plan.config.stop_seqs = ["x\ny"]
    assert sampling_of(header) == 'stop_seqs=["x\\ny"], temperature=0.0, top_p=0.5'


# Of the 22 samples, 10 are of controls, which are no choices of the run.
@pytest.mark.parametrize(("flushed", "samples", "choices"), [(7, 7, 7), (None, 22, 12)])
def test_a_killed_run_has_the_rows_of_a_finished_one_of_its_samples(
    flushed: int | None, samples: int, choices: int, made: Made, tmp_path: Path
) -> None:
    (cut,) = runs_in(killed(made.coin, tmp_path / "killed.eval", flushed))
    assert not stored_rows(cut.header) and cut.file.state == "partial"
    whole = read_eval_log(str(made.coin))
    ids = {(one.id, one.epoch) for one in cut.file.samples}
    whole.samples = [one for one in whole.samples or [] if (one.id, one.epoch) in ids]
    recompute_metrics(whole)
    assert digits(cut.rows) == digits(rows_of(whole))
    assert cut.run is not None and (len(ids), len(cut.run.choice)) == (samples, choices)


def _everywhere(**facts: str) -> Edit:
    def edit(log: EvalLog) -> None:
        for metadata in (log.eval.metadata or {}, *(one.metadata for one in log.samples or [])):
            metadata.update({name: value for name, value in facts.items() if name in metadata})

    return edit


OTHER_PEOPLE: dict[str, tuple[Edit, str]] = {
    "study": (_everywhere(study_hash=OTHER), "run with another study (000000000000, installed "),
    "reference": (
        _everywhere(reference=f"9+{OTHER}", reference_hash=OTHER),
        "run with another human reference (000000000000, installed ",
    ),
    "gone": (_everywhere(study_source="/no/such/study"), "/no/such/study"),
}


@pytest.mark.parametrize("what", quick(OTHER_PEOPLE, "reference"))
def test_another_version_has_its_stored_rows_only(what: str, made: Made, tmp_path: Path) -> None:
    edit, says = OTHER_PEOPLE[what]
    path = edited(made.forced, tmp_path / "x.eval", edit)
    (run,) = runs_in(path)
    assert run.run is None and says in run.trouble and "\n" not in run.trouble
    stored = stored_rows(read_eval_log(str(made.forced)))
    assert sorted(digits(run.rows)) == sorted(digits(stored))
    assert not run.rows.flags and not run.rows.baselines("agreement")

    (cut,) = runs_in(edited(path, tmp_path / "y.eval", cancelled))
    assert cut.rows == {} and cut.trouble


APART: list[tuple[Edit, str, str]] = [
    (lambda log: None, " #1", " #2"),
    (lambda log: log.eval.model_args.update(seed=7), "", ", seed=7"),
    (CHANGES["sampling"], ", provider's own", ", temperature=0.0"),
    (fact("wordings", {"survey_text": ""}), ", wording default", ", wording survey_text"),
    (CHANGES["task_version"], ", task version 2-H", ", task version 3-A"),
    (
        _everywhere(reference_hash=OTHER),
        f", human reference {HERE}",
        f", human reference {OTHER[:12]}",
    ),
    (spec("model", "kidney/human-x"), "", "-x"),
    (fact("sft_arm", "tuned"), "", ", tuned"),
]


@pytest.mark.parametrize(("change", "first", "second"), APART)
def test_names_tell_runs_of_one_model_apart(
    change: Edit, first: str, second: str, header: EvalLog
) -> None:
    other = header.model_copy(deep=True)
    another(change)(other)
    files = [LogFile(log.eval.eval_id, "finished", "", log) for log in (header, other)]
    assert [run.name for run in read_runs(files)] == [
        f"kidney/human{end}" for end in (first, second)
    ]
