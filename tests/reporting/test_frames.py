"""Frames of logs: documented columns, the log's own numbers, and every log accounted for."""

import shutil
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from inspect_ai.log import EvalLog, read_eval_log
from inspect_ai.model import get_model

from kidney_evals.errors import UserError
from kidney_evals.human.reference import load_reference
from kidney_evals.reporting import rows_of
from kidney_evals.reporting.frames import Frames, load, schema
from kidney_evals.studies import load_study
from kidney_evals.tasks import coin_flip
from reporting.making_logs import Made, another, edited, fact
from tasks.running import run as run_task

pytest.importorskip("pyarrow")
DOCS = Path(__file__).parents[2] / "docs" / "frames.md"


@pytest.fixture(scope="module")
def folder(mixed: Path, made: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Logs in every state, of two conditions and two versions of the human tables."""
    place = Path(shutil.copytree(mixed, tmp_path_factory.mktemp("frames") / "logs"))
    shutil.copy(made.coin, place / "0-coin-copy.eval")
    older = another(fact("reference_hash", "0" * 64), number=3)
    edited(made.forced, place / "5-older.eval", older)
    (place / "6-torn\x1b.eval").write_bytes(b"PK\x03\x04")
    return place


@pytest.fixture(scope="module")
def frames(folder: Path) -> Frames:
    return load(folder)


def test_every_log_is_accounted_for(frames: Frames, folder: Path) -> None:
    assert [Path(log).name[0] for log in frames.runs["log"]] == ["1", "2", "3", "5"]
    assert frames.runs["state"].tolist() == ["finished", "finished", "partial", "finished"]
    assert frames.runs["same_people"].tolist() == [True, True, True, False]
    assert frames.runs["people"].tolist() == [132] * 4
    assert frames.runs["says"].iloc[2].startswith("not ended: killed, or still running")
    over = {Path(one.location).name[0]: one.state for one in frames.passed_over}
    assert over == {"0": "replaced", "4": "other", "6": "unreadable"}
    assert all(one.line.isprintable() for one in frames.passed_over)
    headers = load([folder], decisions=False)
    assert len(headers.decisions) == 0 and len(headers.quantities) == len(frames.quantities)


@pytest.mark.parametrize("name", ["runs", "quantities", "decisions"])
def test_columns_and_types_are_the_documented_ones(name: Any, frames: Frames, made: Made) -> None:
    frame = getattr(frames, name)
    left = list(frame.columns)
    for column in schema()[name]:
        start = column.name.removesuffix("*")
        count = sum(one.startswith(start) for one in left) if column.name.endswith("*") else 1
        columns, left = left[:count], left[count:]
        assert columns and all(one.startswith(start) for one in columns), column.name
        type_ = column.type.replace("us, UTC", "us, tz=UTC")
        assert {str(frame[one].dtype) for one in columns} == {f"{type_}[pyarrow]"}
    assert left == []
    empty = getattr(load(made.other), name)
    assert len(empty) == 0
    named = [one.name for one in schema()[name] if not one.name.endswith("*")]
    assert list(empty.columns) == named


def test_quantities_are_those_of_the_log_to_the_last_digit(frames: Frames) -> None:
    for _, run in frames.runs.iterrows():
        part = frames.quantities[frames.quantities["eval_id"] == run["eval_id"]]
        assert set(part["source"]) == {"computed"}
        # The killed run is a copy of the first, whose log holds all samples.
        log = run["log"] if run["state"] == "finished" else frames.runs["log"].iloc[0]
        rows = rows_of(read_eval_log(log))
        assert len(part) == len(rows)
        for _, line in part.iterrows():
            for column, value in rows[line["row"]]._asdict().items():
                assert (pd.isna(line[column]) and value != value) or line[column] == value


def test_decisions_are_those_of_the_samples(frames: Frames) -> None:
    run = frames.runs.iloc[0]
    part = frames.decisions[frames.decisions["eval_id"] == run["eval_id"]].set_index("sample_id")
    log = read_eval_log(run["log"])
    assert len(part) == len(log.samples or []) == 22
    study = load_study("mcelfresh_2021")
    reference = load_reference(study, "coin_flip")
    for sample in log.samples or []:
        line = part.loc[str(sample.uuid)]
        facts = sample.metadata
        answer = sample.output.completion
        shown = {"ab": {"A": "first", "B": "second"}, "ba": {"A": "second", "B": "first"}}
        chosen = "coin" if "COIN" in answer else shown[facts["order"]][answer.strip()[-1]]
        assert line["choice"] == line["first_choice"] == chosen
        first, second = facts["order"]
        assert line["first_age"] == facts[f"{first}_age"]
        assert line["second_drinks"] == facts[f"{second}_drinks"]
        assert line["human_first"] == facts[f"human_{first}"]
        assert line["human_coin"] == facts["human_coin"]
        assert line["closeness"] == pytest.approx(
            reference.closeness([study.dilemma_from(facts)])[0], rel=1e-12
        )
        assert line["control"] == (facts["kind"] in ("dominance", "identical"))
        assert (line["id"], line["epoch"], line["wording"]) == (sample.id, 1, "default")
        assert line["outcome"] == "decision" and pd.isna(line["chance_first"])
    # With other people installed the closeness is unknown.
    known = frames.decisions.groupby("eval_id", sort=False)["closeness"].count().tolist()
    assert known == [22, 8, 22, 0]


def _refuses(log: EvalLog) -> None:
    for sample in (log.samples or [])[:3]:
        for score in (sample.scores or {}).values():
            score.metadata = {"outcome": "refusal", "choice": None, "epoch": 1}
    for sample in (log.samples or [])[3:5]:
        sample.scores = None


def test_samples_without_a_decision_are_rows(made: Made, tmp_path: Path) -> None:
    path = edited(made.forced, tmp_path / "x.eval", _refuses)
    counts = load(path).decisions.groupby(["outcome", "choice"]).size().to_dict()
    assert counts.pop(("refusal", "none")) == 3 and counts.pop(("error", "none")) == 2
    assert sum(counts.values()) == 3


def test_without_pyarrow_there_is_one_line(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UserError, match=r"pip install \"kidney-evals\[analysis\]\"") as told:
        load(made.coin)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("logs", [None, 5])
def test_what_names_no_logs_is_one_line(logs: Any) -> None:
    with pytest.raises(UserError, match=rf"^logs must be a file, [^\n]* not {logs}$"):
        load(logs)


def test_the_first_snippet_gives_the_rate_of_the_row(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The run has controls, and refusals, which belong to no rate."""
    model = get_model("kidney/human", refusing=0.3, seed=2)
    log = run_task(coin_flip(dilemmas=8), tmp_path, model)
    snippet = DOCS.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    here = snippet.replace('"s3://bucket/more/*.eval"', "").replace('"logs"', repr(str(tmp_path)))
    assert here.count(str(tmp_path)) == 1
    names: dict[str, Any] = {}
    exec(here, names)
    assert capsys.readouterr().out == ""
    decisions, row = names["frames"].decisions, rows_of(log)["flip_rate"]
    assert decisions["control"].any() and (decisions["outcome"] == "refusal").any()
    shares = names["shares"]["kidney/human", "coin_flip"]
    assert round(shares["coin"], 4) == row.value and len(names["answers"]) == row.n
