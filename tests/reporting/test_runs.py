"""The runs behind a report: their numbers to the last digit, and a name of their own each."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import eval
from inspect_ai.log import EvalLog, read_eval_log, write_eval_log

from kidney_evals.estimation.quantity import Quantity
from kidney_evals.human.reference import load_reference
from kidney_evals.reporting import rows_of
from kidney_evals.reporting.found import find_logs
from kidney_evals.reporting.rows import stored_rows
from kidney_evals.reporting.runs import ModelRun, by_panel, read_runs
from kidney_evals.studies import load_study
from kidney_evals.tasks import predict_people, stated_values
from reporting.conftest import Made
from reporting.making_logs import edited, killed, of_another_run, quick

OTHER = "0" * 64
HERE = load_reference(load_study("mcelfresh_2021"), "forced_choice").sha256[:12]


def runs_of(*names: Path) -> tuple[ModelRun, ...]:
    return read_runs(find_logs([str(name) for name in names]))


def digits(rows: Any) -> list[tuple[str, str]]:
    """Every number, to the last digit; NaN is equal to itself here."""
    assert all(isinstance(row, Quantity) for row in rows.values())
    return [(name, repr(row)) for name, row in rows.items()]


@pytest.mark.parametrize("name", ["coin", "forced"])
def test_a_run_that_never_wrote_rows_has_those_of_its_samples(
    name: str, made: Made, tmp_path: Path
) -> None:
    source = getattr(made, name)
    (cut,) = runs_of(killed(source, tmp_path / "killed.eval"))
    assert not stored_rows(cut.header) and cut.found.state == "partial"
    assert digits(cut.rows) == digits(rows_of(read_eval_log(str(source))))


@pytest.mark.slow
@pytest.mark.parametrize("task", [stated_values, predict_people])
def test_so_has_a_run_without_choices_between_patients(task: Any, tmp_path: Path) -> None:
    log = eval(task(), model="kidney/human", log_dir=str(tmp_path / "logs"))[0]
    assert log.status == "success", log.error
    (source,) = (tmp_path / "logs").glob("*.eval")
    (cut,) = runs_of(killed(source, tmp_path / "killed.eval"))
    assert cut.run is None and not cut.trouble
    assert digits(cut.rows) == digits(rows_of(log))


def test_half_a_run_has_the_rows_of_a_finished_one_of_that_half(made: Made, tmp_path: Path) -> None:
    (cut,) = runs_of(killed(made.coin, tmp_path / "killed.eval", 7))
    whole = read_eval_log(str(made.coin))
    kept = {(one.id, one.epoch) for one in cut.found.samples}
    assert len(kept) == 7
    from inspect_ai.log import recompute_metrics

    whole.samples = [one for one in whole.samples or [] if (one.id, one.epoch) in kept]
    recompute_metrics(whole)
    assert digits(cut.rows) == digits(rows_of(whole))
    assert cut.run is not None and len(cut.run.choice) == 7


def test_quantities_are_those_of_the_answers_whatever_the_log_stores(
    made: Made, tmp_path: Path
) -> None:
    def other(log: EvalLog) -> None:
        assert log.results is not None
        log.results.scores[0].metrics["est_value"].value = 0.123

    (run,) = runs_of(edited(made.forced, tmp_path / "x.eval", other))
    assert digits(run.rows) == digits(rows_of(read_eval_log(str(made.forced))))


def _metadata(log: EvalLog, **facts: str) -> None:
    assert log.eval.metadata is not None
    log.eval.metadata |= {name: fact for name, fact in facts.items() if name in log.eval.metadata}
    for sample in log.samples or []:
        sample.metadata |= {name: fact for name, fact in facts.items() if name in sample.metadata}


OTHER_PEOPLE: dict[str, tuple[dict[str, str], str]] = {
    "study": ({"study_hash": OTHER}, "run with another study (000000000000, installed "),
    "reference": (
        {"reference": f"9+{OTHER}", "reference_hash": OTHER},
        "run with another human reference (000000000000, installed ",
    ),
    "gone": ({"study_source": "/no/such/study"}, "/no/such/study"),
}


@pytest.mark.parametrize("what", quick(OTHER_PEOPLE, "reference"))
def test_another_version_keeps_its_rows_and_gets_no_new_ones(
    what: str, made: Made, tmp_path: Path
) -> None:
    facts, says = OTHER_PEOPLE[what]
    path = edited(made.forced, tmp_path / "x.eval", lambda log: _metadata(log, **facts))
    (run,) = runs_of(path)
    assert run.run is None and says in run.trouble and "\n" not in run.trouble
    stored = stored_rows(read_eval_log(str(made.forced)))
    assert sorted(digits(run.rows)) == sorted(digits(stored))
    assert not run.rows.flags and not run.rows.baselines("agreement")
    assert run.rows.aim("distance") == 0
    assert run.rows.aim("swap_diff") == run.rows["swap_diff"].human > 0

    def unwritten(log: EvalLog) -> None:
        log.status, log.results = "cancelled", None

    (cut,) = runs_of(edited(path, tmp_path / "y.eval", unwritten))
    assert cut.rows == {} and cut.trouble


def test_samples_that_no_scorer_saw(made: Made, tmp_path: Path) -> None:
    def unscored(log: EvalLog) -> None:
        log.results = None
        for sample in log.samples or []:
            sample.scores = None

    (run,) = runs_of(edited(made.forced, tmp_path / "x.eval", unscored))
    assert run.run is None and run.rows == {}
    assert run.trouble.startswith("no sample was scored by `answers`; `kidney-evals rescore`")


def test_only_logs_with_numbers_are_runs(made: Made, tmp_path: Path) -> None:
    shutil.copy(made.other, tmp_path)
    shutil.copy(made.coin, tmp_path / "coin.eval")
    killed(made.coin, tmp_path / "early.eval", 0)
    (tmp_path / "torn.eval").write_bytes(b"PK\x03\x04")
    (run,) = runs_of(tmp_path)
    assert run.name == "kidney/human" and run.id == run.header.eval.eval_id


APART: dict[str, tuple[Callable[[EvalLog], object], list[str]]] = {
    "nothing": (lambda log: None, ["kidney/human #1", "kidney/human #2"]),
    "arguments": (
        lambda log: log.eval.model_args.update(seed=7),
        ["kidney/human", "kidney/human, seed=7"],
    ),
    "temperature": (
        lambda log: setattr(log.plan.config, "temperature", 0.5),
        ["kidney/human, provider's own", "kidney/human, temperature=0.5"],
    ),
    "wording": (
        lambda log: _metadata(log, **{"wordings": {"survey_text": ""}}),  # type: ignore[arg-type]
        ["kidney/human, wording default", "kidney/human, wording survey_text"],
    ),
    "version": (
        lambda log: setattr(log.eval, "task_version", "3-A"),
        ["kidney/human, task version 2-C", "kidney/human, task version 3-A"],
    ),
    "reference": (
        lambda log: _metadata(log, reference_hash=OTHER),
        [f"kidney/human, human reference {name}" for name in (HERE, OTHER[:12])],
    ),
    "model": (
        lambda log: setattr(log.eval, "model", "kidney/x"),
        ["kidney/human", "kidney/x"],
    ),
}


@pytest.mark.parametrize("what", quick(APART, "nothing", "arguments", "version"))
def test_names_tell_runs_of_one_model_apart(what: str, made: Made, tmp_path: Path) -> None:
    change, expected = APART[what]

    def second(log: EvalLog) -> None:
        of_another_run(log)
        change(log)

    shutil.copy(made.forced, tmp_path / "a.eval")
    edited(made.forced, tmp_path / "b.eval", second)
    names = [run.name for run in runs_of(tmp_path)]
    assert names == expected


def test_panels_keep_what_was_asked_apart(made: Made, tmp_path: Path) -> None:
    shutil.copy(made.coin, tmp_path / "c.eval")
    shutil.copy(made.forced, tmp_path / "a.eval")

    def older(log: EvalLog) -> None:
        of_another_run(log)
        _metadata(log, study_hash=OTHER)

    edited(made.forced, tmp_path / "b.eval", older)
    panels = by_panel(runs_of(tmp_path))
    assert [(panel.task, len(runs)) for panel, runs in panels.items()] == [
        ("coin_flip", 1),
        ("forced_choice", 1),
        ("forced_choice", 1),
    ]
    assert all(panel.study == "mcelfresh_2021" for panel in panels)
    # A name is told apart within its panel only.
    assert {run.name for runs in panels.values() for run in runs} == {"kidney/human"}


def test_an_arm_of_a_comparison_is_part_of_the_name(made: Made, tmp_path: Path) -> None:
    log = read_eval_log(str(made.forced))
    assert log.eval.metadata is not None
    log.eval.metadata["sft_arm"] = "tuned"
    write_eval_log(log, str(tmp_path / "a.eval"))
    (run,) = runs_of(tmp_path)
    assert run.name == "kidney/human, tuned"
