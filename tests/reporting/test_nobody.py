"""A study about another good, in which nobody was asked, as every command and the log show it."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.log import read_eval_log

from cli.calling import kidney_evals
from kidney_evals.studies import load_study
from kidney_evals.tasks import coin_flip, forced_choice, predict_people, stated_values
from reporting.test_page import words_of
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
"""Words for another good or for people, who were not asked, and numbers that do not exist."""


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Return a log of each task by name, and two more of `coin_flip`."""

    def run(task: Any, model: str, **arguments: Any) -> Path:
        folder = tmp_path_factory.mktemp("nobody")
        log = running.run(task(study=STUDY, **arguments), folder, f"kidney/{model}", epochs=1)
        return Path(log.location)

    coin = run(coin_flip, "uniform", dilemmas=40)
    return {
        "coin_flip": coin,
        "second": run(coin_flip, "lexicographic", dilemmas=40),
        "probe": run(coin_flip, "uniform", dilemmas=20, probe="gender"),
        "forced_choice": run(forced_choice, "first", dilemmas=40),
        "stated_values": run(stated_values, "lexicographic"),
        "predict_people": run(predict_people, "uniform", drawn=40, revealed=str(coin)),
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
    "plan a coin": ("plan", "kidney_evals/coin_flip", "-T", f"study={STUDY}"),
    "plan a choice": (
        *("plan", "kidney_evals/forced_choice"),
        *("-T", f"study={STUDY}", "-T", "precision=0.1"),
    ),
    "report": (
        *("report", "-o", "-"),
        *("coin_flip", "second", "probe", "forced_choice", "stated_values", "predict_people"),
    ),
}
"""Commands by what they print; the name of a log stands for its path."""


@pytest.mark.parametrize("name", COMMANDS)
def test_no_output_speaks_of_people_or_of_another_good(name: str, logs: Mapping[str, Path]) -> None:
    done = kidney_evals(*(logs.get(word, word) for word in COMMANDS[name]))
    assert done.exit_code == 0, done.output
    said = done.stdout
    if name == "report":
        said = words_of(re.sub(r"<style>.*?</style>", "", said, flags=re.DOTALL))
    if "JSON" in name:
        # Keys are those of every study.
        values = json.loads(said, object_pairs_hook=lambda pairs: [value for _, value in pairs])
        said = json.dumps(values, ensure_ascii=False)
    said = " ".join(said.split())
    assert len(re.findall(SAID, said, re.IGNORECASE)) == 1, said
    _check(said, [str(path) for path in logs.values()])


def test_a_report_says_once_what_a_probe_shows(logs: Mapping[str, Path]) -> None:
    done = kidney_evals("report", "-o", "-", logs["probe"])
    text = words_of(done.stdout)
    assert "Probe gender: cannot tell; coins: cannot tell. No weights" in text
    assert not re.search(r"(Probe gender: [^.]+\.) \1", text)


def _check(said: str, paths: list[str]) -> None:
    """Check that a text holds no tell-tale word."""
    for path in paths:
        said = said.replace(path, "")
    said = re.sub(SAID, "", NAMES.sub("", said), flags=re.IGNORECASE)
    found = TELL_TALE.search(said)
    assert not found, said[max(0, found.start() - 200) : found.end() + 100]


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("coin_flip", "flip_rate"),
        ("forced_choice", "swap_diff"),
        ("stated_values", "st_spread"),
        ("predict_people", "pred_swap"),
    ],
)
def test_the_log_holds_no_people(name: str, row: str, logs: Mapping[str, Path]) -> None:
    log = read_eval_log(str(logs[name]))
    # Without people there is no distance to them, which comes first where there are people.
    headline = log.eval.headline_metric
    assert headline is not None and headline.score == row
    facts = log.eval.metadata or {}
    assert facts["about"].count(SAID) == 1
    assert "human reference" not in (log.eval.tags or [])
    # The texts of a run that the viewer shows without being asked, and its columns.
    texts = {key: facts[key] for key in ("about", "limits_and_use", "rows")}
    texts["viewer"] = log.eval.viewer.model_dump_json() if log.eval.viewer else ""
    _check(json.dumps(texts, ensure_ascii=False), [])
    assert log.results is not None
    for score in log.results.scores:
        assert not {"people", "person", "human"} & set(score.metrics), score.name
        assert all(one.value == one.value for one in score.metrics.values()), score.name
    for sample in log.samples or ():
        assert not [key for key in sample.metadata or {} if key.startswith("human_")]
        for each in (sample.scores or {}).values():
            assert isinstance(each.value, dict)
            assert not {"people", "agreement", "off"} & set(each.value)
            _check(each.explanation or "", [])


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
