"""Replies in transcripts, and the scanners, with and without Inspect Scout, from scan to frame."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import repeat
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
    ModelOutput,
)
from inspect_ai.scorer import Score
from inspect_ai.tool import ToolCall

from answering import saying
from kidney_evals import reasons as room
from kidney_evals.errors import UserError
from kidney_evals.reasons import ARGUMENTS, scanned
from kidney_evals.reasons.replies import Reply, reply_of
from kidney_evals.tasks import coin_flip, forced_choice, predict_people
from reasons.scouting import CODES, SAMPLE, answered, mocked, require_scout, said
from tasks.running import run


def test_without_scout_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kidney_evals.reasons.frames.find_spec", lambda _: None)
    says = (
        "scanning transcripts needs inspect_scout, not installed here: "
        "pip install 'kidney-evals[scout]' (in a checkout: pip install '.[scout]')"
    )
    for use in (lambda: room.rationale, lambda: room.rationale_llm, lambda: scanned("anywhere")):
        with pytest.raises(UserError, match=f"^{re.escape(says)}$"):
            use()


# --- one transcript --------------------------------------------------------------------------


def scan_one(scanner: Any, reply: str, **changed: Any) -> Any:
    from inspect_scout import Transcript

    transcript = Transcript(
        transcript_id="t",
        messages=[ChatMessageUser(content="Who?"), ChatMessageAssistant(content=reply)],
        metadata={"sample_metadata": SAMPLE | changed},
    )
    return asyncio.run(scanner(transcript))


def test_a_transcript_has_one_flat_value() -> None:
    require_scout()
    coded = scan_one(room.rationale(), "B drinks less.\n\nANSWER: B").value
    assert coded.items() >= {"status": "coded", "uses_drinks": "B", "agree": "yes"}.items()
    assert not any(isinstance(one, dict | list) for one in coded.values())
    bare = scan_one(room.rationale(), "ANSWER: B").value
    assert bare.items() >= {"status": "no reasons", "uses_drinks": None, "agree": None}.items()
    other = scan_one(room.rationale(), "B drinks less.\n\nANSWER: B", condition="stated")
    assert other.value is None


def coded_by(outputs: Iterator[ModelOutput], reasons: str = "B drinks less.") -> Any:
    """Return the result for one transcript if the coding model gives these outputs."""
    require_scout()
    scanner = room.rationale_llm(model=mocked(outputs))  # type: ignore[arg-type, unused-ignore]
    return scan_one(scanner, f"{reasons}\n\nANSWER: B")


def test_codes_are_taken_from_the_answer_tool() -> None:
    for outputs, expected in (
        # People favour the patient who drinks less.
        (
            [answered()],
            {"status": "coded", "uses_drinks": "B", "people_drinks": "toward", "uses_age": ""},
        ),
        # A model that talks first, or gets a field wrong, is asked again, twice at most.
        ([said("Let me see."), answered()], {"status": "coded", "desert": True}),
        ([answered(uses_age="Patient B"), answered(agree=None), answered()], {"agree": "yes"}),
        # So is a model whose provider blocks an answer.
        ([said("", "content_filter"), answered()], {"status": "coded"}),
        ([answered(status="no reasons")], {"status": "no reasons", "uses_drinks": None}),
    ):
        assert coded_by(iter(outputs)).value.items() >= expected.items()
    # Where there is nothing to code, no model is asked: the first call would fail.
    assert coded_by(iter([]), reasons="").value["status"] == "no reasons"


def test_a_model_that_gives_no_codes_is_an_error_of_the_scan() -> None:
    search = ModelOutput.for_tool_call("mockllm/model", "search", {"query": "age"})
    for output, says in (
        (said("It is about\ndrinks."), "its last words: It is about drinks."),
        (said(""), "its last words: none"),
        (said(json.dumps(CODES)), 'its last words: {"explanation": "It'),
        (answered(uses_age="Patient B"), "in the form asked for"),
        (search, "in the form asked for"),
        (said("Blocked.", "content_filter"), "refused by content filter"),
    ):
        with pytest.raises((ValueError, RuntimeError)) as error:
            coded_by(output.model_copy(deep=True) for _ in range(9))
        assert says in str(error.value) and "\n" not in str(error.value)


def test_a_folder_without_a_scan_is_an_error(tmp_path: Path) -> None:
    require_scout()
    with pytest.raises(UserError, match="no finished scan"):
        scanned(tmp_path / "nowhere")


# --- whole logs ------------------------------------------------------------------------------

REPLIES: tuple[str | list[Any], ...] = (
    [ContentReasoning(reasoning="Age is no reason. I'm torn."), ContentText(text="ANSWER: A")],
    "ANSWER: A",
    "Children come first.\n\nANSWER: A",
    "I can't make such a decision.",
)


def scan_of(scanner: Any, logs: str, folder: Path, model: Any = None) -> pd.DataFrame:
    """Scan the logs in this process and return the frame of the results."""
    from inspect_scout import scan, transcripts_from

    options: dict[str, Any] = {"scans": str(folder), "display": "none", "max_processes": 1}
    status = scan([scanner], transcripts_from(logs), model=model, **options)
    assert status.complete, status.errors
    return scanned(str(status.location))


@pytest.mark.slow
def test_the_scans_give_a_row_of_plain_codes_for_each_transcript(tmp_path: Path) -> None:
    require_scout()
    from inspect_ai.analysis import samples_df

    logs = str(tmp_path / "logs")
    options: dict[str, Any] = {"log_dir": logs, "max_connections": 1}
    ours = forced_choice(dilemmas=4, orders="as_listed", controls=False, explain="before")
    # Without scorers, which take longer than all the rest; the answers are read again.
    eval(Task(dataset=ours.dataset, solver=ours.solver), model=saying(*REPLIES), **options)
    eval(Task(dataset=[Sample(input="Who?")]), model=saying("The younger one."), **options)

    frame = scan_of(room.rationale(), logs, tmp_path / "words")
    # Four samples were ours; the fifth transcript is of another task and has no row.
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

    # A model's codes have the same columns; it is asked only where there are reasons.
    prompts: list[str] = []
    model = mocked(repeat(answered(uses_age="B", uses_drinks="not invoked", agree="no")), prompts)
    by_model = scan_of(room.rationale_llm(), logs, tmp_path / "llm", model)
    assert list(by_model.columns) == list(frame.columns)
    coded = by_model[by_model["status"] == "coded"]
    assert len(coded) == len(prompts) == 3
    assert set(coded["uses_age"]) == {"B"} and set(coded["uses_drinks"]) == {""}
    assert set(coded["desert"]) == {True} and set(coded["fairness"]) == {False}
    (prompt,) = (one for one in prompts if "Age is no reason." in one)
    assert "Patient A: " in prompt and "# Codebook" in prompt and "{{" not in prompt


@pytest.mark.slow
def test_the_documented_command_codes_a_whole_run_of_people(tmp_path: Path) -> None:
    require_scout()
    task = coin_flip(dilemmas=10, explain="after")
    run(task, tmp_path / "logs")
    command = ["scan", "kidney_evals/rationale", "-T", str(tmp_path / "logs")]
    command += ["--scans", str(tmp_path / "scans"), "--display", "plain"]
    # -P: as with the script `scout`, the working folder is not searched for modules.
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


def read(*turns: Any, scores: dict[str, Any] | None = None, **changed: Any) -> Reply:
    messages = [
        one if isinstance(one, ChatMessageAssistant) else ChatMessageAssistant(content=one)
        for one in turns
    ]
    reply = reply_of([ChatMessageUser(content="Who?"), *messages], SAMPLE | changed, scores or {})
    assert reply is not None
    return reply


def test_patients_as_shown_and_dilemma_as_listed() -> None:
    reply = read("ANSWER: A", order="ba")
    assert (reply.a.values, reply.b.values) == ((40.0, 4.0, 1.0), (40.0, 1.0, 1.0))
    assert (reply.dilemma.first, reply.dilemma.second) == (reply.b, reply.a)
    assert (reply.choice, reply.marks["dilemma"], reply.marks["order"]) == ("A", "d001", "ba")


REASONS = "A is younger."
WHOLE = f"{REASONS}\n\nANSWER: A"
CALL = ToolCall(id="1", function="answer", arguments={"reasons": REASONS, "answer": "A"})
REDACTED = ContentReasoning(reasoning="gAAAB", redacted=True, summary="Age.")


@pytest.mark.parametrize(
    ("content", "channel", "answer", "reasoning"),
    [
        (WHOLE, "text", WHOLE, ""),
        (f"<think>{REASONS}</think>ANSWER: A", "text", "ANSWER: A", REASONS),
        ("<think>A is younger, and", "text", "", "A is younger, and"),
        (
            [ContentReasoning(reasoning=REASONS), ContentText(text="ANSWER: A")],
            *("text", "ANSWER: A", REASONS),
        ),
        # Redacted reasoning is no text, its summary is.
        ([REDACTED, ContentText(text="ANSWER: A")], "text", "ANSWER: A", "Age."),
        ([ContentReasoning(reasoning="gAAAB", redacted=True)], "text", "", ""),
        ('{"reasons": "A is younger.", "answer": "A"}', "json", WHOLE, ""),
        (ChatMessageAssistant(content="", tool_calls=[CALL]), "tool", WHOLE, ""),
    ],
)
def test_answer_and_reasoning(content: Any, channel: str, answer: str, reasoning: str) -> None:
    reply = read(content, channel=channel)
    assert (reply.answer, reply.reasoning) == (answer, reasoning)
    assert reply.choice == ("A" if "ANSWER" in answer else "none")


def test_every_turn_counts_and_so_does_the_scored_answer() -> None:
    reply = read("A is younger, I think.", "ANSWER: A")
    assert reply.answer == "A is younger, I think.\n\nANSWER: A"
    assert (reply.choice, reply.codes().attributes["age"]) == ("A", "A")
    # The scored answer counts, whatever today's reader makes of the text.
    scored: list[tuple[dict[str, Any], str]] = [
        ({"human_alignment": Score(value=1, answer="B")}, "B"),
        ({"human_alignment": {"value": 1, "answer": "B"}}, "B"),
        ({"human_alignment": {"value": 1}}, "none"),
        ({"another_package": {"answer": "B"}}, "A"),
    ]
    for scores, choice in scored:
        assert read("ANSWER: A", scores=scores).choice == choice


def test_a_sample_of_another_task_has_no_reply() -> None:
    turns = [ChatMessageAssistant(content="A")]
    assert reply_of(turns, SAMPLE | {"condition": "stated"}, {}) is None
    asked_what_people_chose = predict_people().dataset[0].metadata or {}
    assert asked_what_people_chose["condition"] == "coin_flip"
    assert reply_of(turns, asked_what_people_chose, {}) is None
    for name in ("a_age", "study_source"):
        without = {key: value for key, value in SAMPLE.items() if key != name}
        assert reply_of(turns, without, {}) is None
