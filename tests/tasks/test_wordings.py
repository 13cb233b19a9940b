"""`-T wording=…`: which dilemma is put how, what the log says of it, and what is refused."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml
from inspect_ai import eval
from inspect_ai.log import EvalLog

from kidney_evals.elicitation.run_wordings import deal
from kidney_evals.elicitation.wording import wordings, wordings_asked
from kidney_evals.errors import UserError
from kidney_evals.reporting import rows_of, sentence
from kidney_evals.scorers.samples import run_of_log
from kidney_evals.tasks import coin_flip, forced_choice

TASKS = {"forced_choice": forced_choice, "coin_flip": coin_flip}
ALL = wordings_asked("all")


def _meta(sample: Any) -> dict[str, Any]:
    assert sample.metadata is not None
    return dict(sample.metadata)


def _table(path: Path, *entries: dict[str, Any]) -> str:
    rows = [{"base": "default", "varies": "Mine."} | entry for entry in entries]
    path.write_text(yaml.safe_dump(rows), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("name", TASKS)
def test_a_wording_stands_in_metadata_and_in_the_ids(name: str) -> None:
    plain = [str(sample.id) for sample in TASKS[name](dilemmas=3).dataset]
    samples = list(TASKS[name](dilemmas=3, wording="labels_numbers").dataset)
    for sample, before in zip(samples, plain, strict=True):
        assert re.fullmatch(rf"{before}-labels_numbers-[0-9a-f]{{4}}", str(sample.id))
        metadata = _meta(sample)
        assert metadata["wording"] == "labels_numbers" and metadata["labels"] == "1/2"
        assert metadata["mechanism"] == ("coin" if name == "coin_flip" else "none")


@pytest.mark.parametrize("count", [1, 17, 50, 200])
def test_wordings_are_dealt_evenly_over_any_first_dilemmas(count: int) -> None:
    dealt = [one.id for one in deal(ALL, count, 2021)]
    counts = Counter(dealt)
    assert len(dealt) == count
    assert max(counts.values()) - min(counts.get(one.id, 0) for one in ALL) <= 1
    assert dealt == [one.id for one in deal(ALL, count, 2021)]
    assert dealt == [one.id for one in deal(ALL, 200, 2021)][:count]
    # The order of a table does not matter, the seed does.
    assert dealt == [one.id for one in deal(ALL[::-1], count, 2021)]
    assert count < 17 or dealt != [one.id for one in deal(ALL, count, 7)]


def test_all_puts_each_dilemma_in_one_wording_and_both_orders_at_no_more_calls() -> None:
    samples = list(coin_flip(dilemmas=40, wording="all").dataset)
    assert len(samples) == len(list(coin_flip(dilemmas=40).dataset)) == 90
    assert len({sample.id for sample in samples}) == 90
    put = defaultdict(set)
    for sample in samples:
        put[_meta(sample)["dilemma"]].add(_meta(sample)["wording"])
    assert all(len(names) == 1 for names in put.values())
    main = [_meta(one)["wording"] for one in samples if _meta(one)["kind"] == "drawn"]
    assert set(Counter(main).values()) <= {4, 6}  # 40 dilemmas over 17 wordings, two orders


def test_a_table_of_ones_own_takes_part_whole_or_by_name(tmp_path: Path) -> None:
    path = _table(tmp_path / "my.yaml", {"id": "one", "names": ["P", "Q"]}, {"id": "two"})
    both = Counter(_meta(one)["wording"] for one in coin_flip(dilemmas=4, wording=path).dataset)
    assert set(both) == {"one", "two"}
    [one] = {_meta(it)["wording"] for it in coin_flip(dilemmas=4, wording=f"{path}#one").dataset}
    assert one == "one"
    # An entry called default that says something else is not the default.
    path = _table(tmp_path / "my.yaml", {"id": "default", "names": ["P", "Q"]})
    assert "-default-" in str(coin_flip(dilemmas=1, wording=path).dataset[0].id)


REFUSED = [
    ({"wording": "nope"}, "unknown wording 'nope'; allowed: default, "),
    ({"wording": "no/such.yaml"}, "there is no table of wordings at 'no/such.yaml'"),
    ({"wording": 7}, "wording must be a name or a path"),
]


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize(("arguments", "says"), REFUSED)
def test_bad_wordings_are_refused_in_one_line(
    name: str, arguments: dict[str, Any], says: str
) -> None:
    with pytest.raises(UserError, match=re.escape(says)) as caught:
        TASKS[name](**arguments)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"id": "holed", "scene": ""}, "scene must name situation"),
        (
            {"id": "loaded", "patient": "Poor Patient {name}\n{attributes}"},
            "says poor of a patient",
        ),
    ],
)
def test_a_table_with_a_hole_ends_before_any_model_call(
    entry: dict[str, Any], says: str, tmp_path: Path
) -> None:
    path = _table(tmp_path / "my.yaml", entry)
    logs = tmp_path / "logs"
    with pytest.raises(UserError, match=says):
        eval(
            coin_flip,
            model="kidney/human",
            task_args={"wording": path},
            log_dir=str(logs),
        )
    assert not logs.exists() or list(logs.iterdir()) == []


def test_a_study_without_words_in_a_language_says_so(tmp_path: Path) -> None:
    from kidney_evals.studies import datasets_dir

    source = datasets_dir() / "mcelfresh_2021_fixed"
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in ("study.yaml", "dilemmas.csv"):
        (folder / name).write_bytes((source / name).read_bytes())
    with pytest.raises(UserError, match="in English only: its folder has no"):
        forced_choice(study=str(folder), wording="german")
    (folder / "languages.yaml").write_text("de: {situation: x, attributes: {}}", encoding="utf-8")
    with pytest.raises(UserError, match=r"de.attributes.age is missing; "):
        forced_choice(study=str(folder), wording="german")
    with pytest.raises(UserError, match="'fr'; allowed: en, de"):
        forced_choice(study=str(folder), wording="french")


# --- runs ------------------------------------------------------------------------------------


def _run(task: Any, folder: Path, model: str = "kidney/human") -> EvalLog:
    log: EvalLog = eval(task, model=model, log_dir=str(folder))[0]
    assert log.status == "success", log.error
    return log


def test_a_run_in_german_reads_every_answer_and_says_whom_it_lacks(tmp_path: Path) -> None:
    log = _run(coin_flip(dilemmas=12, wording="german", controls=False), tmp_path)
    default = _run(coin_flip(dilemmas=12, controls=False), tmp_path)
    rows, usual = rows_of(log), rows_of(default)
    assert rows["coverage"].value == 1.0
    # The same people answer the same dilemmas, whatever the language.
    assert rows["flip_rate"] == usual["flip_rate"] and rows["agreement"] == usual["agreement"]
    assert "not_english" in rows.flags and "not_coin" not in rows.flags
    assert not {"not_english", "not_coin"} & set(usual.flags)
    metadata = log.eval.metadata or {}
    assert metadata["no_human_reference"] == "no human reference in this language"
    assert "no_human_reference" not in (default.eval.metadata or {})
    assert log.samples is not None
    assert "ANTWORT: " in log.samples[0].output.completion
    assert "Wer soll die Niere erhalten?" in log.samples[0].messages[0].text


def test_people_lend_no_coin_to_another_mechanism(tmp_path: Path) -> None:
    log = _run(coin_flip(dilemmas=30, wording="committee", controls=False), tmp_path)
    rows = rows_of(log)
    assert rows["coverage"].value == 1.0 and rows["flip_rate"].value > 0
    assert "not_coin" in rows.flags
    for name in ("flip_gap", "flip_calib", "distance", "log_score", "side_pull"):
        assert not rows[name].defined and rows[name].n == 0, name
        assert rows.bounds(name) is None and not rows.baselines(name), name
    for name in ("flip_rate", "flip_slope", "threshold", "swap_diff", "retest", "dominated_flips"):
        assert str(rows[name].human) == "nan", name
    # Those who decide are set beside people who decided, as with a coin.
    assert rows["agreement"].defined and rows["agreement"].human > 0.8
    assert "which was no coin" in sentence(rows, "coin_flip")
    assert log.samples is not None
    for sample in log.samples:
        assert "human_coin" not in sample.metadata
        assert sample.metadata["human_a"] + sample.metadata["human_b"] == pytest.approx(1, abs=1e-3)
        assert sample.metadata["mechanism"] == "committee"
    taken = [one for one in log.samples if (one.scores or {})["answers"].answer == "COIN"]
    assert taken and all("ANSWER: COMMITTEE" in one.output.completion for one in taken)
    explanation = (taken[0].scores or {})["human_alignment"].explanation or ""
    assert "not asked" in explanation and "Read as **the committee**" in explanation
    run = run_of_log(log)
    assert run is not None and run.borrows_coin


def test_all_runs_from_end_to_end_with_roles_and_labels(tmp_path: Path) -> None:
    log = _run(forced_choice(dilemmas=17, wording="all", controls=False), tmp_path)
    assert rows_of(log)["coverage"].value == 1.0
    assert log.samples is not None
    for sample in log.samples:
        wording = wordings()[sample.metadata["wording"]]
        roles = [one.role for one in sample.messages]
        assert roles == (["system"] * (wording.role_in == "system") + ["user", "assistant"])
