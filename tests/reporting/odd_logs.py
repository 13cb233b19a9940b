"""Logs that are odd in one way each: what they say of themselves, their samples, their files."""

from __future__ import annotations

import math
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from inspect_ai.log import EvalLog, EvalMetric

from reporting.making_logs import HOSTILE, edited, of_another_run

HUGE = "x" * 1_000_000


def _metric(name: str, value: Any) -> Callable[[EvalLog], None]:
    def edit(log: EvalLog) -> None:
        assert log.results is not None
        for score in log.results.scores:
            for one in score.metrics.values():
                if one.name.endswith(name):
                    one.value = value

    return edit


def _no_such_metric(log: EvalLog) -> None:
    assert log.results is not None
    for score in log.results.scores:
        score.metrics = {"mean": EvalMetric(name="mean", value=math.inf)}


def _fact(name: str, value: Any) -> Callable[[EvalLog], None]:
    def edit(log: EvalLog) -> None:
        log.eval.metadata = (log.eval.metadata or {}) | {name: value}

    return edit


def _without_fact(name: str) -> Callable[[EvalLog], None]:
    def edit(log: EvalLog) -> None:
        (log.eval.metadata or {}).pop(name)

    return edit


def _spec(name: str, value: Any) -> Callable[[EvalLog], None]:
    return lambda log: setattr(log.eval, name, value)


def _of_samples(name: str, value: Any) -> Callable[[EvalLog], None]:
    def edit(log: EvalLog) -> None:
        for sample in log.samples or []:
            sample.metadata[name] = value

    return edit


def _of_scores(part: str, value: Any) -> Callable[[EvalLog], None]:
    def edit(log: EvalLog) -> None:
        for sample in log.samples or []:
            for score in (sample.scores or {}).values():
                setattr(score, part, value)

    return edit


def _no_sample_facts(log: EvalLog) -> None:
    for sample in log.samples or []:
        sample.metadata = {}


EDITS: dict[str, Callable[[EvalLog], object]] = {
    "infinite values": _metric("value", math.inf),
    "infinite ends": _metric("high", -math.inf),
    "infinite counts": _metric("_n", math.inf),
    "no counts": _metric("_n", math.nan),
    "no values": _metric("value", math.nan),
    "huge values": _metric("value", 1e300),
    "other metrics": _no_such_metric,
    "study a number": _fact("study", 5),
    "no study's name": _fact("study", None),
    "study huge": _fact("study", HUGE),
    "study of another version": _fact("study", "gone_2020"),
    "condition unknown": _fact("condition", "dice"),
    "condition a list": _fact("condition", ["coin_flip"]),
    "asks something": _fact("asks", "nonsense"),
    "wordings a number": _fact("wordings", 5),
    "wordings mixed": _fact("wordings", {"a": 1, "2": {}}),
    "people a word": _fact("people_in_this_condition", "many"),
    "people below none": _fact("people_in_this_condition", -7),
    "arm a list": _fact("sft_arm", ["after"]),
    "arm a table": _fact("sft_part", {"a": 1}),
    "reference a number": _fact("reference_hash", 3),
    "version nothing": _fact("kidney_evals_version", None),
    "citation a list": _fact("citation", [1]),
    "title hostile": _fact("study_title", HOSTILE),
    "older version": _without_fact("reference_hash"),
    "explain a table": _fact("explain", {"a": [1]}),
    "model huge": _spec("model", HUGE),
    "model hostile": _spec("model", HOSTILE),
    "model empty": _spec("model", ""),
    "task hostile": _spec("task", HOSTILE),
    "arguments odd": _spec("task_args_passed", {"study": {"a": [None]}, "revealed": 5}),
    "packages none": _spec("packages", {}),
    "samples without facts": _no_sample_facts,
    "study source a number": _of_samples("study_source", 5),
    "study source nowhere": _of_samples("study_source", "/nowhere/at/all"),
    "study source missing": _of_samples("study_source", None),
    "order odd": _of_samples("order", "xy"),
    "order a list": _of_samples("order", ["ab"]),
    "dilemma a list": _of_samples("dilemma", [1]),
    "shares words": _of_samples("human_a", "half"),
    "reference of samples a number": _of_samples("reference", 7),
    "kind a number": _of_samples("kind", 3),
    "score a word": _of_scores("value", "many"),
    "score nothing": _of_scores("value", {}),
    "score's facts a list": _of_scores("metadata", {"choice": [1], "outcome": {"a": 1}}),
    "score's facts none": _of_scores("metadata", None),
}


def _torn(source: Path, target: Path) -> None:
    target.write_bytes(source.read_bytes()[:-400])


def _broken_summaries(source: Path, target: Path) -> None:
    _without(source, target, lambda name: name == "summaries.json", b'[{"id": ')


def _broken_samples(source: Path, target: Path) -> None:
    gone = ("summaries.json", "header.json", "_journal/summaries", "samples/")
    _without(source, target, lambda name: name.startswith(gone), b"\x00\x01")


def _broken_header(source: Path, target: Path) -> None:
    _without(source, target, lambda name: name == "header.json", b'{"version": 2}')


def _without(source: Path, target: Path, is_broken: Callable[[str], bool], content: bytes) -> None:
    with zipfile.ZipFile(source) as log, zipfile.ZipFile(target, "w") as copy:
        for name in log.namelist():
            copy.writestr(name, content if is_broken(name) else log.read(name))


FILES: dict[str, Callable[[Path, Path], object]] = {
    "torn": _torn,
    "broken summaries": _broken_summaries,
    "broken samples": _broken_samples,
    "broken header": _broken_header,
    "empty": lambda source, target: target.touch(),
    "text": lambda source, target: target.write_text("no log"),
    "a folder": lambda source, target: target.mkdir(),
    "a folder with a file": lambda source, target: shutil.copytree(
        Path(__file__).parent / "comparing", target
    ),
    "a link to nowhere": lambda source, target: target.symlink_to("nowhere"),
}

KINDS = (*EDITS, *FILES)


def odd_log(kind: str, source: Path, target: Path) -> Path:
    """Make a log that is odd in one way.

    Args:
        kind: One of `KINDS`.
        source: A finished log.
        target: Where to.
    """
    if kind in FILES:
        FILES[kind](source, target)
        return target

    def edit(log: EvalLog) -> None:
        of_another_run(log)
        EDITS[kind](log)

    return edited(source, target, edit)
