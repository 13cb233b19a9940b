"""What a reader of `kidney-evals report` sees of logs that are more than one model's choices."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from inspect_ai import eval
from inspect_ai.log import EvalLog, read_eval_log
from inspect_ai.model import ModelOutput

from reasons.scouting import answered, mocked, require_scout, said
from reporting.conftest import Made
from reporting.making_logs import edited, of_another_run
from reporting.test_page import Page

Cli = Callable[..., Result]


def of_version(version: str) -> Callable[[EvalLog], None]:
    """Return what makes a log one that another version of this package wrote."""

    def edit(log: EvalLog) -> None:
        of_another_run(log)
        assert log.eval.metadata is not None
        log.eval.metadata["kidney_evals_version"] = version

    return edit


def as_arm(name: str, model: str, number: int) -> Callable[[EvalLog], None]:
    """Return what makes a log one arm of `kidney-evals sft evaluate`."""

    def edit(log: EvalLog) -> None:
        of_another_run(log, number)
        assert log.eval.metadata is not None
        log.eval.model = model
        log.eval.metadata |= {"sft_arm": name, "sft_part": log.eval.metadata["condition"]}

    return edit


def reported(kidney_evals: Cli, logs: Path, *options: Any) -> str:
    """Return the page of a folder of logs."""
    page = logs.parent / "report.html"
    result = kidney_evals("report", logs, "-o", page, *options)
    assert result.exit_code == 0, result.output
    text = page.read_text(encoding="utf-8")
    Page(text)
    return text


def section(text: str, id: str) -> str:
    """Return the text of a section of a page."""
    return text.split(f'<section id="{id}">')[1].split("</section>")[0]


def test_two_versions_of_the_package_are_named_apart(
    made: Made, tmp_path: Path, kidney_evals: Cli
) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    shutil.copy(made.forced, logs / "a.eval")
    edited(made.forced, logs / "b.eval", of_version("0.0.1"))
    (own,) = (
        (read_eval_log(str(logs / "a.eval"), header_only=True).eval.metadata or {})[name]
        for name in ["kidney_evals_version"]
    )
    text = reported(kidney_evals, logs)
    for version in (own, "0.0.1"):
        assert f"kidney/human, package {version}" in section(text, "summary")
        assert f">{version}</td>" in section(text, "methods")
    assert f"with kidney-evals 0.0.1 and {own} on Inspect AI" in section(text, "methods")
    # The two stand side by side, and are one model.
    assert "beside people" in text and "<h1>Kidney dilemmas: 1 model beside people</h1>" in text
    assert "cannot be told apart" in section(text, "differences")


def arms(made: Made, logs: Path, *names: str) -> None:
    logs.mkdir()
    for number, name in enumerate(names, 2):
        model = "kidney/trained" if name == "after" else "kidney/plain"
        edited(made.coin, logs / f"{name}.eval", as_arm(name, model, number))


MAIN = ("summary", "importance", "flips", "dilemmas", "nearness", "consistency", "differences")


def test_arms_of_fine_tuning_stand_in_their_section_and_in_tables_only(
    made: Made, tmp_path: Path, kidney_evals: Cli
) -> None:
    logs = tmp_path / "logs"
    arms(made, logs, "before", "after")
    shutil.copy(made.coin, logs / "other.eval")
    text = reported(kidney_evals, logs)
    for id in MAIN:
        assert (
            "kidney/human" in section(text, id)
            or ">human<" in section(text, id)
            or (id == "differences" and "No two runs here" in section(text, id))
        )
        assert "trained" not in section(text, id).replace("#trained", "")
        assert "kidney/plain" not in section(text, id)
    assert "2 runs before and after fine-tuning stand under" in section(text, "summary")
    trained = section(text, "trained")
    assert "From kidney/plain, before training, to: “after” (kidney/trained)." in trained
    # The same answers under two names: nothing changed, and people are drawn in.
    assert "<td>after</td><td>indecision rate</td>" in trained.replace(' class="k"', "")
    assert ">people 0" in trained
    for id in ("numbers", "methods"):
        assert "kidney/plain, before" in section(text, id)
        assert "kidney/trained, after" in section(text, id)
    assert "# Runs of `kidney-evals sft evaluate`" in section(text, "methods")


@pytest.mark.parametrize(
    ("names", "aside"),
    [
        # Nothing else to show: the arms are what the report is on.
        (("before", "after"), False),
        # An arm without the run that it would be set beside is a run like any other.
        (("after", "few-shot:8"), True),
    ],
)
def test_arms_without_anything_else_stand_everywhere(
    names: tuple[str, ...], aside: bool, made: Made, tmp_path: Path, kidney_evals: Cli
) -> None:
    logs = tmp_path / "logs"
    arms(made, logs, *names)
    if aside:
        shutil.copy(made.coin, logs / "other.eval")
    text = reported(kidney_evals, logs)
    assert "kidney/trained, after" in section(text, "summary")
    assert "stand under" not in section(text, "summary")
    absent = "No log of <code>kidney-evals sft evaluate</code>" in section(text, "trained")
    assert absent == aside


def test_what_a_model_coded_and_what_it_failed_on_reach_the_page(
    tmp_path: Path, kidney_evals: Callable[..., Result]
) -> None:
    require_scout()
    from inspect_ai.analysis import samples_df
    from inspect_scout import scan, transcripts_from

    from kidney_evals.errors import UserError
    from kidney_evals.reasons import rationale_llm, scanned
    from kidney_evals.tasks import forced_choice

    logs, page = tmp_path / "logs", tmp_path / "report.html"
    task = forced_choice(dilemmas=3, controls=False, explain="after")
    eval(task, model="kidney/human", log_dir=str(logs), display="none")
    options: dict[str, Any] = {"display": "none", "max_processes": 1, "max_transcripts": 1}

    def coded(outputs: Iterator[ModelOutput], name: str) -> str:
        model, place = mocked(outputs), str(tmp_path / name)
        where = transcripts_from(str(logs))
        return str(scan([rationale_llm()], where, model=model, scans=place, **options).location)

    # Three dilemmas in both orders; of six transcripts the first is refused in three tries.
    outputs = iter([said("I cannot."), said("No."), said("<b>Never</b>.\nNo."), *(answered(),) * 5])
    place = coded(outputs, "some")
    frame = scanned(place)
    assert sorted(frame["status"]) == ["coded"] * 5 + ["failed"]
    (failed,) = frame.loc[frame["status"] == "failed", "error"]
    assert failed.endswith("its last words: <b>Never</b>. No.") and "\n" not in failed
    assert set(frame.loc[frame["status"] == "coded", "error"]) == {""}
    joined = frame.merge(samples_df(str(logs)), left_on="sample_uuid", right_on="sample_id")
    assert list(joined["sample_id_x"]) == list(joined["id"]) and len(joined) == 6

    result = kidney_evals("report", logs, "-o", page, "--scans", place)
    assert result.exit_code == 0, result.output
    text = page.read_text(encoding="utf-8")
    assert "5 transcripts coded by the scanner rationale_llm." in text
    assert "1 of 6 transcripts could not be coded by the scanner rationale_llm" in text
    assert "&lt;b&gt;Never&lt;/b&gt;. No." in text
    # Desert was argued in all five, and every other argument in none.
    assert '>desert</td><td class="n">1.000</td>' in text
    assert '>fairness</td><td class="n">0.000</td>' in text

    nothing = coded(repeat(said("I cannot.")), "none")
    with pytest.raises(UserError, match=r"none of 6 transcripts .* its last words: I cannot\.$"):
        scanned(nothing)
    result = kidney_evals("report", logs, "-o", tmp_path / "no.html", "--scans", nothing)
    assert result.exit_code == 2 and "none of 6 transcripts" in result.output
    assert not (tmp_path / "no.html").exists()
