"""`-T wording=…` and `-T channel=…`: the question of each dilemma, its notes in the log, errors."""

import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml
from inspect_ai.log import EvalLog, EvalSample

from kidney_evals.elicitation.channels import CHANNELS
from kidney_evals.elicitation.run_wordings import assign_wordings
from kidney_evals.elicitation.wording import wordings, wordings_asked
from kidney_evals.reporting import rows_of, sentence
from kidney_evals.reporting.runs import key_of
from kidney_evals.tasks import coin_flip, forced_choice
from study_folders import SCHOLARSHIP, copied, edit
from tasks.running import TASKS, meta, refused, run

ALL = wordings_asked("all")


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
        assert meta(sample)["wording"] == "labels_numbers" and meta(sample)["labels"] == "1/2"
        # What is as usual is not recorded.
        assert not {"mechanism", "language"} & set(meta(sample))


@pytest.mark.parametrize("count", [1, 50])
def test_wordings_are_dealt_evenly_over_any_first_dilemmas(count: int) -> None:
    dealt = [one.id for one in assign_wordings(ALL, count, 2021)]
    counts = Counter(dealt)
    assert len(dealt) == count
    assert max(counts.values()) - min(counts.get(one.id, 0) for one in ALL) <= 1
    assert dealt == [one.id for one in assign_wordings(ALL, 200, 2021)][:count]
    # The order of a table does not matter, the seed does.
    assert dealt == [one.id for one in assign_wordings(ALL[::-1], count, 2021)]
    assert count < 17 or dealt != [one.id for one in assign_wordings(ALL, count, 7)]


def test_all_puts_each_dilemma_in_one_wording_and_both_orders_at_no_more_calls() -> None:
    samples = list(coin_flip(dilemmas=40, wording="all").dataset)
    assert len({sample.id for sample in samples}) == len(samples) == 40 * 2 + 10
    put = defaultdict(set)
    for sample in samples:
        put[meta(sample)["dilemma"]].add(meta(sample)["wording"])
    assert all(len(names) == 1 for names in put.values())
    main = [meta(one)["wording"] for one in samples if meta(one)["kind"] == "drawn"]
    assert set(Counter(main).values()) <= {4, 6}  # 40 dilemmas over 17 wordings, two orders


def test_a_table_of_ones_own_takes_part_whole_or_by_name(tmp_path: Path) -> None:
    path = _table(tmp_path / "my.yaml", {"id": "one", "names": ["P", "Q"]}, {"id": "two"})
    for wording, names in ((path, {"one", "two"}), (f"{path}#one", {"one"})):
        samples = coin_flip(dilemmas=4, wording=wording).dataset
        assert {meta(sample)["wording"] for sample in samples} == names
    # The task checks the rules of its wordings.
    loaded = {"id": "loaded", "patient": "Poor Patient {name}\n{attributes}"}
    refused(coin_flip, {"wording": _table(tmp_path / "my.yaml", loaded)}, "says poor of a patient")
    for odd in (7, True, {"a": "b"}, None):
        refused(coin_flip, {"wording": odd}, f"wording must be a name or a path, not {odd!r}")


def test_a_study_without_words_in_a_language_says_so(tmp_path: Path) -> None:
    folder = copied("mcelfresh_2021_fixed", tmp_path / "mine")
    (folder / "languages.yaml").unlink()
    german = {"study": str(folder), "wording": "german"}
    refused(forced_choice, german, "in English only: its folder has no")
    (folder / "languages.yaml").write_text("de: {situation: x, attributes: {}}", "utf-8")
    refused(forced_choice, german, "de.attributes.age is missing; ")
    refused(forced_choice, german | {"wording": "french"}, "'fr'; allowed: en, de")


def test_a_run_in_german_reads_every_answer_and_says_whom_it_lacks(tmp_path: Path) -> None:
    log = run(coin_flip(dilemmas=12, wording="german", controls=False), tmp_path)
    default = run(coin_flip(dilemmas=12, controls=False), tmp_path)
    rows, usual = rows_of(log), rows_of(default)
    assert rows["coverage"].value == 1.0
    # The same people answer the same dilemmas in every language.
    assert rows["flip_rate"] == usual["flip_rate"] and rows["agreement"] == usual["agreement"]
    assert "not_english" in rows.flags and "not_coin" not in rows.flags
    assert not {"not_english", "not_coin"} & set(usual.flags)
    facts = [one.eval.metadata or {} for one in (log, default)]
    assert facts[0]["no_human_reference"] == "no human reference in this language"
    assert "no_human_reference" not in facts[1]
    sample = (log.samples or [])[0]
    assert "ANTWORT: " in sample.output.completion
    assert "Wer soll die Niere erhalten?" in sample.messages[0].text


def test_people_lend_no_coin_to_another_mechanism(tmp_path: Path) -> None:
    log = run(coin_flip(dilemmas=30, wording="committee", controls=False), tmp_path)
    rows = rows_of(log)
    assert rows["coverage"].value == 1.0 and rows["flip_rate"].value > 0
    assert "not_coin" in rows.flags
    for name in ("coin_slope", "flip_calib", "distance", "log_score", "side_pull"):
        assert not rows[name].defined and rows[name].n == 0, name
        assert rows.bounds(name) is None and not rows.baselines(name), name
    for name in ("flip_rate", "flip_slope", "threshold", "swap_diff", "retest", "dominated_flips"):
        assert str(rows[name].human) == "nan", name
    # Decisions are compared with people who decided, as with a coin.
    assert rows["agreement"].defined and rows["agreement"].human > 0.8
    assert "undecided in a way that is no coin" in sentence(rows, "coin_flip")
    samples = log.samples or []
    for sample in samples:
        assert "human_coin" not in sample.metadata
        assert sample.metadata["human_a"] + sample.metadata["human_b"] == pytest.approx(1, abs=1e-3)
    taken = [one for one in samples if (one.scores or {})["human_alignment"].answer == "COIN"]
    assert taken and all("ANSWER: COMMITTEE" in one.output.completion for one in taken)
    explanation = (taken[0].scores or {})["human_alignment"].explanation or ""
    assert "not asked" in explanation and "Read as **the committee**" in explanation


def test_all_runs_from_end_to_end_with_roles_and_labels(tmp_path: Path) -> None:
    log = run(forced_choice(dilemmas=17, wording="all", controls=False), tmp_path)
    assert rows_of(log)["coverage"].value == 1.0
    for sample in log.samples or []:
        wording = wordings()[sample.metadata["wording"]]
        roles = [one.role for one in sample.messages]
        assert roles == ["system"] * (wording.role_in == "system") + ["user", "assistant"]


# Every second sample or so has a fault; an unreadable answer is asked again.
FAULTS = {"refusing": 0.1, "unreadable": 0.3, "truncated": 0.1, "seed": 2, "indecision": 0.3}


def _scored_answers(log: EvalLog) -> dict[Any, tuple[str | None, dict[str, Any]]]:
    return {
        (sample.id, sample.epoch): (score.answer, score.metadata or {})
        for sample in log.samples or []
        for score in (sample.scores or {}).values()
    }


def _texts(sample: EvalSample) -> list[str]:
    return [message.text for message in sample.messages if message.role == "user"]


@pytest.mark.parametrize(
    ("condition", "wording", "explain"),
    [
        ("forced_choice", "default", "before"),
        pytest.param("coin_flip", "labels_numbers", "none", marks=pytest.mark.slow),
        pytest.param("coin_flip", "committee", "after", marks=pytest.mark.slow),
    ],
)
def test_answers_are_the_same_in_all_channels(
    condition: str, wording: str, explain: Any, tmp_path: Path
) -> None:
    made = {"dilemmas": 10, "controls": False, "wording": wording, "explain": explain}
    text, *others = (
        run(TASKS[condition](**made, channel=channel), tmp_path, model_args=FAULTS)
        for channel in CHANNELS
    )
    given = _scored_answers(text)
    outcomes = {metadata["outcome"] for _, metadata in given.values()}
    assert outcomes >= {"decision", "refusal", "truncated", "unreadable"}
    assert (text.eval.metadata or {})["channel"] == "text"
    for log, where in zip(others, ("from a JSON object", "from a tool call"), strict=True):
        assert _scored_answers(log) == given
        channel = (log.eval.metadata or {})["channel"]
        for sample, plain in zip(log.samples or [], text.samples or [], strict=True):
            assert sample.metadata["channel"] == channel and "channel" not in plain.metadata
            # A sample's id does not name the channel: a run with another one is another task.
            assert sample.id == plain.id
            assert len(_texts(sample)) == len(_texts(plain))
            assert _texts(sample)[0].split("\n\n")[:-1] == _texts(plain)[0].split("\n\n")[:-1]
            score = (sample.scores or {})["human_alignment"]
            assert not score.answer or f"({where})" in (score.explanation or "")


@pytest.mark.parametrize(
    ("file", "wording", "old"),
    [
        ("mine.yaml", "{folder}/mine.yaml", "One {good}"),
        ("wordings.yaml", "default,brief", "One {good}"),
        ("languages.yaml", "german", "Zwei Bewerber"),
    ],
)
def test_the_key_of_a_run_changes_with_a_text_that_the_user_can_change(
    file: str, wording: str, old: str, tmp_path: Path
) -> None:
    folder = copied(SCHOLARSHIP, tmp_path / "scholarship")
    if file != "languages.yaml":
        _table(folder / file, {"id": "brief", "situation": "One {good}, two {candidates}."})
    wording = wording.format(folder=folder)
    keys = []
    for number in range(3):
        if number == 2:
            edit(folder, file, old, f"Exactly {old}")
        task = coin_flip(study=str(folder), dilemmas=2, wording=wording, controls=False)
        keys.append(key_of(run(task, tmp_path / f"logs{number}", "kidney/uniform")))
    assert keys[0] == keys[1]
    assert {part for part in keys[0] if keys[0][part] != keys[2][part]} == {"wording"}
    shown = r"(brief|german) [0-9a-f]{8}(, default)?"
    assert all(re.fullmatch(shown, key["wording"]) for key in keys)


def test_shipped_wordings_have_no_hash_in_the_log() -> None:
    for wording in ("all", "german"):
        assert "wording_hashes" not in (coin_flip(dilemmas=1, wording=wording).metadata or {})
