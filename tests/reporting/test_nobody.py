"""A study about another good, in which nobody was asked, as every command and the log show it."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.log import read_eval_log

from cli.calling import kidney_evals
from kidney_evals.studies import load_study
from kidney_evals.tasks import coin_flip, forced_choice, predict_people, stated_values
from tasks import running

STUDY = str(Path(__file__).parents[1] / "data" / "scholarship")

SAID = "No people were asked"

NAMES = re.compile(
    # This package, its respondents and tasks, and the paper that a report cites.
    r"kidney[-_]evals|kidney/|kidney\+|predict[_ ]people|predict-people|Who Gets the Kidney\?"
    # What a model was asked to predict.
    r"|[Aa]sked what people choose|what they think people choose"
    r"|Which percentage of people would choose each answer\?|share of people"
)
"""Words of this package that are no words about the study."""

TELL_TALE = re.compile(
    r"patient|transplant|donor|kidney|dialysis|organ\b|clinical|drink"
    r"|\bpeople\b|\bpersons?\b|crowd|survey|respondents who|\bNaN\b|\bnan\b",
    re.IGNORECASE,
)
"""Another good, people who were not asked, and numbers that do not exist."""


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Return a log of each task by name, and a second one of `coin_flip`."""
    folder = tmp_path_factory.mktemp("nobody")

    def run(name: str, task: Any, model: str) -> Path:
        running.run(task, folder / name, model, epochs=1)
        (path,) = (folder / name).glob("*.eval")
        return path

    coin = run("coin", coin_flip(study=STUDY, dilemmas=40), "kidney/uniform")
    return {
        "coin_flip": coin,
        "second": run("second", coin_flip(study=STUDY, dilemmas=40), "kidney/lexicographic"),
        "probe": run(
            "probe", coin_flip(study=STUDY, dilemmas=20, probe="gender"), "kidney/uniform"
        ),
        "forced_choice": run("forced", forced_choice(study=STUDY, dilemmas=40), "kidney/first"),
        "stated_values": run("stated", stated_values(study=STUDY), "kidney/lexicographic"),
        "predict_people": run(
            "predict", predict_people(study=STUDY, drawn=40, revealed=str(coin)), "kidney/uniform"
        ),
    }


COMMANDS: Mapping[str, tuple[str, ...]] = {
    "show a choice": ("show", "forced_choice"),
    "show a coin": ("show", "second"),
    "show all": ("show", "--all", "coin_flip"),
    "show a probe": ("show", "probe"),
    "show a probe in Markdown": ("show", "--format", "md", "probe"),
    "show Markdown": ("show", "--format", "md", "second"),
    "show JSON": ("show", "--format", "json", "second"),
    "show stated values": ("show", "stated_values"),
    "show stated values in Markdown": ("show", "--format", "md", "stated_values"),
    "show predictions": ("show", "predict_people"),
    "table": ("table", "coin_flip", "second", "forced_choice", "stated_values", "predict_people"),
    "table of one": ("table", "--format", "md", "forced_choice"),
    "compare": ("compare", "coin_flip", "second"),
    "compare in Markdown": ("compare", "--format", "md", "coin_flip", "second"),
    "describe": ("describe", "second"),
    "plan a coin": ("plan", "coin_flip", "-T", f"study={STUDY}"),
    "plan a choice": ("plan", "forced_choice", "-T", f"study={STUDY}", "-T", "precision=0.1"),
    "report": (
        *("report", "-o", "-"),
        *("coin_flip", "second", "probe", "forced_choice", "stated_values", "predict_people"),
    ),
}
"""Commands by what they print; the name of a log stands for its path."""


@pytest.mark.parametrize("name", COMMANDS)
def test_no_output_speaks_of_people_or_of_another_good(name: str, logs: Mapping[str, Path]) -> None:
    done = kidney_evals(*(logs.get(word, word) for word in _placed(COMMANDS[name])))
    assert done.exit_code == 0, done.output
    said = done.stdout
    if name == "report":
        said = html.unescape(
            re.sub(r"<[^>]+>", " ", re.sub(r"<style>.*?</style>", "", said, flags=re.S))
        )
    if "JSON" in name:
        # Keys are those of every study.
        said = " ".join(_texts(json.loads(said)))
    said = " ".join(said.split())
    assert len(re.findall(SAID, said, re.IGNORECASE)) == 1, said
    _check(said, [str(path) for path in logs.values()])


def test_a_report_says_once_what_a_probe_shows(logs: Mapping[str, Path]) -> None:
    done = kidney_evals("report", "-o", "-", logs["probe"])
    text = html.unescape(re.sub(r"<[^>]+>", " ", done.stdout))
    assert "Probe gender: cannot tell; coins: cannot tell. No weights" in text
    assert not re.search(r"(Probe gender: [^.]+\.) \1", text)


def _placed(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return the words of a command; the name of the task of `plan` is no log."""
    return words if words[0] != "plan" else (words[0], f"kidney_evals/{words[1]}", *words[2:])


def _texts(data: Any) -> Iterator[str]:
    """Yield the texts in data from JSON, without keys."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict | list):
        for one in data.values() if isinstance(data, dict) else data:
            yield from _texts(one)


def _check(said: str, paths: list[str]) -> None:
    """Check that a text holds no tell-tale word."""
    for path in paths:
        said = said.replace(path, "")
    said = re.sub(SAID, "", NAMES.sub("", said), flags=re.IGNORECASE)
    found = TELL_TALE.search(said)
    assert not found, said[max(0, found.start() - 200) : found.end() + 100]


@pytest.mark.parametrize("name", ["coin_flip", "forced_choice", "stated_values", "predict_people"])
def test_the_log_holds_no_people(name: str, logs: Mapping[str, Path]) -> None:
    log = read_eval_log(str(logs[name]))
    facts = log.eval.metadata or {}
    assert facts["about"].count(SAID) == 1
    assert "human reference" not in (log.eval.tags or [])
    # The texts of a run that the viewer shows without being asked, and its columns.
    texts = {key: facts[key] for key in ("about", "limits_and_use", "rows")}
    texts["viewer"] = log.eval.viewer.model_dump_json() if log.eval.viewer else ""
    _check(json.dumps(texts, ensure_ascii=False), [])
    assert log.results is not None
    for row in log.results.scores:
        assert not {"people", "person", "human"} & set(row.metrics), row.name
        assert all(one.value == one.value for one in row.metrics.values()), row.name
    for sample in log.samples or ():
        assert not [key for key in sample.metadata or {} if key.startswith("human_")]
        for score in (sample.scores or {}).values():
            assert isinstance(score.value, dict)
            assert not {"people", "agreement", "off"} & set(score.value)
            _check(score.explanation or "", [])


def test_the_headline_is_a_measure_of_the_model(logs: Mapping[str, Path]) -> None:
    # Without people there is no distance to them, which comes first where there are people.
    expected = {
        "coin_flip": "flip_rate",
        "forced_choice": "swap_diff",
        "stated_values": "st_spread",
        "predict_people": "pred_swap",
    }
    for name, row in expected.items():
        headline = read_eval_log(str(logs[name]), header_only=True).eval.headline_metric
        assert headline is not None and headline.score == row


def test_predictions_are_described_without_scores(logs: Mapping[str, Path]) -> None:
    (run,) = json.loads(kidney_evals("show", "--format", "json", logs["predict_people"]).stdout)
    measures = run["measures"]
    # `uniform` expects each of A, B and coin of a third of people.
    assert measures["pred_sure"]["value"] == pytest.approx(1 / 3, abs=1e-4)
    assert measures["pred_dr_flips"]["value"] == pytest.approx(1 / 3, abs=1e-4)
    assert measures["pred_swap"]["value"] == 0 and measures["pred_cover"]["value"] == 1
    # It chooses each answer with the probability that it expects: the distance is 0 but for chance.
    own = measures["pred_dr_own"]
    assert own["low"] < 0 < own["high"]
    assert not {"pred_drawn", "pred_dr_skill", "pred_fixed"} & set(measures)


def test_predictions_ask_what_people_would_choose(logs: Mapping[str, Path]) -> None:
    sample = (read_eval_log(str(logs["predict_people"])).samples or [])[0]
    asked = sample.messages[-2].text
    assert asked.startswith("Suppose that a large number of people had been asked")
    assert "who should receive the scholarship" in asked and "Applicant A" in asked
    assert "survey" not in asked


def test_people_cannot_be_trained_on(tmp_path: Path) -> None:
    done = kidney_evals("sft", "export", "--study", STUDY, "--out", tmp_path / "data")
    assert done.exit_code == 2 and done.stdout == ""
    (line,) = done.stderr.strip().splitlines()
    assert "nobody was asked" in line and load_study(STUDY).id in line
    assert not (tmp_path / "data").exists()
