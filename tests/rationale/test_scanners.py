"""The scanners over logs of real runs, from the scan to the frame."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.model import (
    ChatMessageAssistant,
    ChatMessageUser,
    ContentReasoning,
    ContentText,
)

from answering import saying
from cli.calling import inspect
from kidney_evals.rationale import ARGUMENTS
from kidney_evals.tasks import coin_flip, forced_choice
from rationale.scouting import coding, require_scout

REPLIES: tuple[str | list[Any], ...] = (
    [ContentReasoning(reasoning="Age is no reason. I'm torn."), ContentText(text="ANSWER: A")],
    "ANSWER: A",
    "Children come first.\n\nANSWER: A",
    "I can't make such a decision.",
)


@pytest.mark.parametrize(
    ("said", "changed", "expected"),
    [
        (
            "B drinks less.\n\nANSWER: B",
            {},
            {"status": "coded", "uses_drinks": "B", "agree": "yes"},
        ),
        ("ANSWER: B", {}, {"status": "no reasons", "uses_drinks": None, "agree": None}),
        ("B drinks less.\n\nANSWER: B", {"condition": "stated"}, None),
    ],
)
def test_a_transcript_has_one_flat_value(
    said: str, changed: dict[str, str], expected: dict[str, Any] | None
) -> None:
    require_scout()
    from inspect_scout import Transcript

    from kidney_evals.rationale import rationale

    sample: dict[str, Any] = {
        "condition": "forced_choice",
        "study_source": "mcelfresh_2021",
        "dilemma": "d001",
        "order": "ab",
        "kind": "drawn",
        **{"a_age": 40, "a_drinks": 4, "a_dependents": 1},
        **{"b_age": 40, "b_drinks": 1, "b_dependents": 1},
    }
    transcript = Transcript(
        transcript_id="t",
        messages=[ChatMessageUser(content="Who?"), ChatMessageAssistant(content=said)],
        metadata={"sample_metadata": sample | changed},
    )
    scan: Any = rationale()
    result = asyncio.run(scan(transcript))
    if expected is None:
        assert result.value is None
    else:
        assert result.value.items() >= expected.items()
        assert not any(isinstance(one, dict | list) for one in result.value.values())


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with a run of ours, whose replies are those above in turn, and another run."""
    require_scout()
    folder = str(tmp_path_factory.mktemp("logs"))
    options: dict[str, Any] = {"log_dir": folder, "display": "none", "max_connections": 1}
    ours = forced_choice(dilemmas=4, orders="as_listed", controls=False, explain="before")
    # Without scorers, which take longer than all the rest; the answers are read again.
    eval(Task(dataset=ours.dataset, solver=ours.solver), model=saying(*REPLIES), **options)
    eval(Task(dataset=[Sample(input="Who?")]), model=saying("The younger one."), **options)
    return folder


def scan_of(scanner: Any, logs: str, tmp_path: Path, model: Any = None) -> str:
    """Scan the logs in this process and return where the results are."""
    from inspect_scout import scan, transcripts_from

    options: dict[str, Any] = {"scans": str(tmp_path), "display": "none", "max_processes": 1}
    status = scan([scanner], transcripts_from(logs), model=model, **options)
    assert status.complete, status.errors
    return str(status.location)


@pytest.mark.slow
def test_the_lexical_scan_gives_a_row_of_plain_codes_for_each_transcript(
    logs: str, tmp_path: Path
) -> None:
    from inspect_ai.analysis import samples_df

    from kidney_evals.rationale import rationale, scanned

    frame = scanned(scan_of(rationale(), logs, tmp_path))
    # Four samples were ours; the fifth transcript is of another task and has no row.
    assert len(frame) == 4
    assert set(frame["study"]) == {"mcelfresh_2021"}
    assert sorted(zip(frame["status"], frame["where"], strict=True)) == [
        ("coded", "answer"),
        ("coded", "answer"),
        ("coded", "reasoning"),
        ("no reasons", "none"),
    ]
    (reasoned,) = frame[frame["where"] == "reasoning"].to_dict("records")
    assert (reasoned["uses_age"], reasoned["uncertainty"]) == ("neither", True)
    silent = frame.loc[frame["status"] == "no reasons", [*ARGUMENTS, "uses_age", "agree"]]
    assert silent.isna().to_numpy().all()
    (declined,) = frame[frame["choice"] == "none"].to_dict("records")
    assert (declined["refusal_to_play"], declined["agree"]) == (True, "unclear")
    samples = samples_df(logs)
    joined = frame.merge(samples, left_on="sample_uuid", right_on="sample_id", validate="1:1")
    assert list(joined["sample_id_x"]) == list(joined["id"])


@pytest.mark.slow
def test_the_model_scan_has_the_same_columns_and_asks_only_where_there_are_reasons(
    logs: str, tmp_path: Path
) -> None:
    from kidney_evals.rationale import rationale, rationale_llm, scanned

    codes: dict[str, Any] = {
        "explanation": "It says so in [M2].",
        "status": "coded",
        "uses_age": "B",
        "uses_drinks": "not invoked",
        "uses_dependents": "neither",
        **{name: name == "desert" for name in ARGUMENTS},
        "agree": "no",
    }
    model, api = coding(codes)
    frame = scanned(scan_of(rationale_llm(), logs, tmp_path / "llm", model))
    lexical = scanned(scan_of(rationale(), logs, tmp_path / "words"))
    assert list(frame.columns) == list(lexical.columns)
    coded = frame[frame["status"] == "coded"]
    # One of the four replies is a bare letter.
    assert len(coded) == len(api.asked) == 3
    assert set(coded["uses_age"]) == {"B"} and set(coded["uses_drinks"]) == {""}
    assert set(coded["desert"]) == {True} and set(coded["fairness"]) == {False}
    (prompt,) = (one for one in api.asked if "Age is no reason." in one)
    assert "Patient A: " in prompt and "# Codebook" in prompt and "{{" not in prompt


def test_a_wrong_place_is_said_in_one_line(tmp_path: Path) -> None:
    require_scout()
    from kidney_evals.errors import UserError
    from kidney_evals.rationale import scanned

    with pytest.raises(UserError, match="no finished scan"):
        scanned(tmp_path / "nowhere")


@pytest.mark.slow
def test_the_documented_command_codes_a_whole_run_of_people(tmp_path: Path) -> None:
    require_scout()
    from kidney_evals.rationale import scanned

    task = coin_flip(dilemmas=10, explain="after")
    eval(task, model="kidney/human", log_dir=str(tmp_path / "logs"), display="none")
    command = ["scan", "kidney_evals/rationale", "-T", str(tmp_path / "logs")]
    command += ["--scans", str(tmp_path / "scans"), "--display", "plain"]
    # -P: as with the script `scout`, the folder of the call is no place of modules.
    scout = [sys.executable, "-P", "-m", "inspect_scout._cli.main"]
    done = subprocess.run([*scout, *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (location,) = (tmp_path / "scans").glob("scan_id=*")
    frame = scanned(location)
    # Ten dilemmas and five controls in both orders; people who give reasons choose by them.
    assert len(frame) == 30
    assert set(frame["status"]) == {"coded"} and set(frame["agree"]) == {"yes"}
    used = frame[["people_age", "people_drinks", "people_dependents"]]
    assert set(used.to_numpy().ravel()) == {"", "toward"}


@pytest.mark.slow
def test_inspect_finds_the_scanner_by_its_name(tmp_path: Path) -> None:
    require_scout()
    done = inspect(
        *("eval", "kidney_evals/coin_flip", "-T", "explain=before", "--model", "kidney/human"),
        *("--limit", "2", "--log-dir", "logs", "--display", "plain"),
        *("--scanner", "kidney_evals/rationale"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (results,) = tmp_path.glob("logs/scans/*/rationale.parquet")
    assert len(pd.read_parquet(results)) == 2
