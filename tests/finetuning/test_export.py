"""`kidney-evals sft export` from the human reference: balance, nesting, words, leaks, cards."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from inspect_ai import eval
from inspect_ai.event import ModelEvent
from inspect_ai.log import resolve_sample_attachments

from cli.calling import refused
from finetuning.exporting import (
    NAMES,
    asked_by_default,
    call,
    export,
    pairs,
    row,
    told,
    write_answers,
)
from kidney_evals.elicitation.reading import read_answer
from kidney_evals.elicitation.wording import wordings
from kidney_evals.finetuning.data import Example, TrainingData
from kidney_evals.finetuning.sources import evaluated
from kidney_evals.human.reference import Reference, load_reference
from kidney_evals.studies import (
    CONDITIONS,
    Condition,
    Dilemma,
    Patient,
    datasets_dir,
    dilemmas_of,
    load_study,
)
from kidney_evals.tasks import coin_flip, forced_choice

NESTED = (8, 16, 32, 64, 128)
FILES = ("README.md", "card.json", "heldout.csv", "heldout.jsonl", "train.csv", "train.jsonl")


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> TrainingData:
    """Both conditions, every English wording."""
    folder = tmp_path_factory.mktemp("usual") / "data"
    return export(folder, "--samples", 130, "--wording", "all")


# --- balance and nesting ---------------------------------------------------------------------


def _spread(values: Sequence[str], of: Sequence[str]) -> int:
    counts = Counter(values)
    return max(counts[one] for one in of) - min(counts[one] for one in of)


@pytest.mark.parametrize(
    ("condition", "wording"),
    [("both", "default,table"), ("forced_choice", "labels_xy,sentence,role_survey")],
)
def test_any_first_samples_are_balanced(condition: str, wording: str, tmp_path: Path) -> None:
    options = ("--samples", 90, "--condition", condition, "--wording", wording)
    data = export(tmp_path / "data", *options)
    asked = CONDITIONS if condition == "both" else (condition,)
    names = list(data.card["wordings"])
    for part in (data.train, data.heldout):
        facts = [one.facts for one in part]
        assert all(_spread([one["condition"] for one in facts[:n]], asked) <= 1 for n in range(90))
        for name in asked:
            own = [one for one in facts if one["condition"] == name]
            for n in range(len(own)):
                assert _spread([one["order"] for one in own[:n]], ("ab", "ba")) <= 1
                assert _spread([one["wording"] for one in own[:n]], names) <= 1
                # Orders and wordings are crossed, too: no wording has an order of its own.
                cells = [f"{one['wording']} {one['order']}" for one in own[:n]]
                crossed = [f"{name} {order}" for name in names for order in ("ab", "ba")]
                assert _spread(cells, crossed) <= 1


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--target", "individual", "--wording", "default,table", "--shuffle"),
        ("--study", "mcelfresh_2021_fixed", "--allow-overlap", "--condition", "coin_flip"),
    ],
)
def test_sizes_share_their_first_samples_and_what_is_held_out(
    options: tuple[str, ...], tmp_path: Path
) -> None:
    made = [
        export(tmp_path / str(n), "--samples", n, "--heldout", held, *options)
        for n, held in ((16, 20), (64, 32), (128, 20))
    ]
    assert made[2].train[:64] == made[1].train and made[1].train[:16] == made[0].train
    assert made[0].heldout == made[2].heldout
    # Sizes of what is held out share their first samples as well (a control at nested sizes).
    assert made[1].heldout[:16] == made[0].heldout[:16]
    assert made[1].card["nested"] == [8, 16, 32, 64]


# --- the words -------------------------------------------------------------------------------


ENGLISH = "default,labels_numbers,role_member_system,table,number_words,attributes_reversed"


@pytest.mark.parametrize(
    ("task", "wording"),
    [
        pytest.param(forced_choice, "default,table", marks=pytest.mark.slow),
        (coin_flip, "default,role_member_system"),
        pytest.param(forced_choice, ENGLISH, marks=pytest.mark.slow),
        pytest.param(coin_flip, "german", marks=pytest.mark.slow),
        pytest.param(coin_flip, "committee", marks=pytest.mark.slow),
    ],
)
def test_prompts_are_those_of_a_run(task: Any, wording: str, tmp_path: Path) -> None:
    # A run that puts ten dilemmas in every wording and order, and an export of the same ten.
    put: dict[tuple[str, ...], list[tuple[str, str]]] = {}
    design = task(dilemmas=10, controls=False, wording=wording, crossed="," in wording)
    [log] = eval(design, model="kidney/uniform", log_dir=str(tmp_path), score=False, epochs=1)
    for sample in map(resolve_sample_attachments, log.samples or ()):
        [event] = [one for one in sample.events if isinstance(one, ModelEvent)]
        put[_key(sample.metadata)] = [(one.role, one.text) for one in event.input]
    assert len(put) == 20 * len(wording.split(","))
    asked = dilemmas_of(load_study("mcelfresh_2021"), 10, None)
    rows = (row(one.first.values, one.second.values, "A") for one in asked)
    options: tuple[object, ...] = ("--condition", task.__name__, "--wording", wording)
    options += ("--answers", write_answers(tmp_path / "a.csv", rows), "--allow-overlap")
    data = export(tmp_path / "data", "--samples", 8, "--heldout", 2, *options)
    for one in (*data.train, *data.heldout):
        *question, answer = one.messages
        said = [(message["role"], message["content"]) for message in question]
        assert said == put[_key(one.facts)]
        assert answer["role"] == "assistant"


def _key(facts: Mapping[str, Any]) -> tuple[str, ...]:
    return (facts["wording"], *(str(facts[f"{side}_{name}"]) for side in "ab" for name in NAMES))


@pytest.mark.parametrize(
    "wording",
    ["german", *(pytest.param(name, marks=pytest.mark.slow) for name in ("all", "french"))],
)
def test_the_reader_reads_every_answer_as_what_it_is(wording: str, tmp_path: Path) -> None:
    data = export(tmp_path / "data", "--samples", 80, "--wording", wording)
    if wording == "german":
        readme = (data.folder / "README.md").read_text(encoding="utf-8")
        assert "no human reference in this language" in readme
    seen = set()
    for one in (*data.train, *data.heldout):
        form = wordings()[one.facts["wording"]].form
        condition: Any = one.facts["condition"]
        text = one.messages[-1]["content"]
        reading = read_answer(text, condition=condition, form=form)
        assert (reading.outcome, reading.answer) == ("decision", one.facts["answer"])
        # The question offers this very line.
        assert f"`{text}`" in one.messages[-2]["content"]
        seen.add(reading.answer)
    assert seen == {"A", "B", "COIN"}


def test_files_are_what_the_services_take(usual: TrainingData) -> None:
    for part, count in (("train", 130), ("heldout", 32)):
        lines = (usual.folder / f"{part}.jsonl").read_text(encoding="utf-8").split("\n")
        assert lines.pop() == "" and len(lines) == count
        for line in lines:
            entry = json.loads(line)
            assert set(entry) == {"messages"}
            roles = [one["role"] for one in entry["messages"]]
            assert roles in (["user", "assistant"], ["system", "user", "assistant"])
            assert all(set(one) == {"role", "content"} for one in entry["messages"])
            # What marks the study's text stands in the card; a model is not to learn it.
            assert "canary" not in line and "GUID" not in line
    assert len({one.facts["sample"] for one in (*usual.train, *usual.heldout)}) == 162


# --- whose answers ---------------------------------------------------------------------------


def _dilemma(one: Example) -> Dilemma:
    a, b = (
        Patient(tuple(float(one.facts[f"{side}_{name}"]) for name in NAMES)) for side in ("a", "b")
    )
    first, second = (a, b) if one.facts["order"] == "ab" else (b, a)
    return Dilemma(one.facts["dilemma"], first, second, "drawn")


def _place(one: Example) -> int:
    if one.facts["answer"] == "COIN":
        return 2
    return int((one.facts["answer"] == "A") != (one.facts["order"] == "ab"))


def _reference(condition: Condition) -> Reference:
    return load_reference(load_study("mcelfresh_2021"), condition)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_the_group_answers_by_its_shares(condition: Condition, tmp_path: Path) -> None:
    data = export(tmp_path / "data", "--samples", 600, "--condition", condition)
    shares = _reference(condition).shares([_dilemma(one) for one in data.train])
    places = [_place(one) for one in data.train]
    for answer in range(shares.shape[1]):
        p = shares[:, answer]
        # The number of such answers is a sum of independent draws with these chances. Weighted by
        # the chance itself it would be off if answers were given to other dilemmas.
        for weight in (p**0, p):
            hits = sum(w for w, place in zip(weight, places, strict=True) if place == answer)
            error = math.sqrt((weight**2 * p * (1 - p)).sum())
            assert abs(hits - (weight * p).sum()) < 4 * error


def test_the_majority_gives_the_most_frequent_answer(tmp_path: Path) -> None:
    data = export(tmp_path / "data", "--samples", 60, "--target", "majority")
    for one in data.train:
        [shares] = _reference(one.facts["condition"]).shares([_dilemma(one)])  # type: ignore[arg-type]
        assert shares[_place(one)] == max(shares)
    assert "Every answer is the most frequent one" in (data.folder / "README.md").read_text("utf-8")


def test_an_individual_is_one_class_in_both_conditions(tmp_path: Path) -> None:
    options = ("--samples", 600, "--target", "individual", "--person", 5)
    data = export(tmp_path / "data", *options)
    latent = _reference("coin_flip").latent
    assert latent is not None
    study = load_study("mcelfresh_2021")
    for condition in CONDITIONS:
        own = [one for one in data.train if one.facts["condition"] == condition]
        chances = latent.predict([study.differences(_dilemma(one)) for one in own])[4]  # type: ignore[arg-type]
        if condition == "forced_choice":
            chances = chances[:, :2] / chances[:, :2].sum(axis=1, keepdims=True)
        for answer in range(chances.shape[1]):
            p = chances[:, answer]
            hits = sum(_place(one) == answer for one in own)
            assert abs(hits - p.sum()) < 4 * math.sqrt((p * (1 - p)).sum())
    about = data.card["source"]
    assert (about["person"], about["of"]) == (5, len(latent.shares))
    assert about["model"] == "latent_classes"
    assert about["simulated"] is True and about["people_of"] == "coin_flip"
    # The seed draws one where none is named.
    drawn = set()
    for seed in range(3):
        options = ("--samples", 8, "--target", "individual", "--seed", seed)
        drawn.add(export(tmp_path / str(seed), *options).card["source"]["person"])
    assert len(drawn) > 1


def test_a_study_without_classes_lends_one_of_a_crowd(tmp_path: Path) -> None:
    options = ("--study", "mcelfresh_2021_fixed", "--allow-overlap", "--target", "individual")
    data = export(tmp_path / "data", "--samples", 64, *options)
    assert data.card["source"]["model"] == "kinds" and data.card["source"]["of"] == 32
    text = (data.folder / "README.md").read_text("utf-8")
    assert "synthetic crowd" in text and "The same person answers both conditions" in text


def test_a_control_keeps_questions_and_answers_but_not_which_goes_with_which(
    usual: TrainingData, tmp_path: Path
) -> None:
    data = export(tmp_path / "data", "--samples", 130, "--wording", "all", "--shuffle")
    for part, plain in ((data.train, usual.train), (data.heldout, usual.heldout)):
        assert [one.messages[:-1] for one in part] == [one.messages[:-1] for one in plain]
        assert told(part) != told(plain)
        sizes = [n for n in (*NESTED, len(part)) if n <= len(part)]
        for size in sizes:
            answers = [
                Counter((one.facts["condition"], one.facts["answer"]) for one in which[:size])
                for which in (part, plain)
            ]
            assert answers[0] == answers[1]
    # The younger, sober parent is chosen more often by people, and by nobody in a control.
    assert data.card["shuffled"] is True and usual.card["shuffled"] is False
    text = (data.folder / "README.md").read_text("utf-8")
    assert "**A control." in text and "learns nothing" in text
    assert "CONTROL: " in call("--out", tmp_path / "again", "--shuffle", "--samples", 8).output


# --- leaks -----------------------------------------------------------------------------------


def _check_apart(data: TrainingData) -> None:
    train, heldout = pairs(data.train), pairs(data.heldout)
    assert not train & heldout
    assert not (train | heldout) & asked_by_default()
    assert all(len(pair) == 2 for pair in train | heldout)
    # A dilemma is one sample, so there is no second order or wording of it to learn from.
    assert len(train) == len(data.train) and len(heldout) == len(data.heldout)
    # The fixed questions have drinking in other words: age and children alone must differ.
    fixed = load_study("mcelfresh_2021_fixed")
    near = {
        tuple(sorted((one.values[0], one.values[2]) for one in (dilemma.first, dilemma.second)))
        for dilemma in fixed.listed
    }
    for one in train | heldout:
        assert tuple(sorted((values[0], values[2]) for values in one)) not in near
    assert data.card["excluded"]["overlap"] == 0


@pytest.mark.parametrize(
    "options",
    [
        ("--samples", 300, "--heldout", 100, "--seed", 3),
        # The default draw's seed draws other dilemmas here.
        ("--samples", 200, "--seed", 2021, "--condition", "forced_choice", "--wording", "table"),
        ("--samples", 100, "--seed", 0, "--shuffle", "--allow-overlap"),
    ],
)
def test_no_dilemma_is_in_two_places(options: tuple[object, ...], tmp_path: Path) -> None:
    _check_apart(export(tmp_path / "data", *options))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_no_dilemma_is_in_two_places_of_the_largest_folders(seed: int, tmp_path: Path) -> None:
    options = ("--samples", 10000, "--heldout", 1000, "--seed", seed)
    _check_apart(export(tmp_path / "data", *options))


def _other_way_round(pair: Iterable[tuple[float, ...]]) -> list[Dilemma]:
    one, two = map(Patient, pair)
    return [Dilemma("x", one, two, "drawn"), Dilemma("y", two, one, "fixed")]


def test_a_copy_of_a_study_is_no_way_round(tmp_path: Path) -> None:
    # The same attributes under another name, in another order and in other words.
    folder = tmp_path / "mine"
    shutil.copytree(datasets_dir() / "mcelfresh_2021", folder)
    study = yaml.safe_load((folder / "study.yaml").read_text(encoding="utf-8"))
    study["id"] = "mine"
    study["draw"] = {"seed": 5, "count": 50, "sets": [50]}
    study["attributes"].reverse()
    for attribute in study["attributes"]:
        attribute["label"] += " of the patient"
        attribute["phrases"] = {"other": "it is {value}"}
    (folder / "study.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
    known = evaluated(load_study(folder))
    assert len([pair for pair in asked_by_default() if len(pair) == 2]) == 405  # 400 and 5 controls
    asked = [[one[::-1] for one in pair] for pair in asked_by_default() if len(pair) == 2]
    asked += [[one.first.values, one.second.values] for one in load_study(folder).control_block[:5]]
    asked += [
        [one.first.values, one.second.values] for one in dilemmas_of(load_study(folder), 50, None)
    ]
    assert all(known.holds(one) for pair in asked for one in _other_way_round(pair))
    data = export(tmp_path / "data", "--study", folder, "--samples", 100, "--seed", 4)
    assert not (pairs(data.train) | pairs(data.heldout)) & asked_by_default()
    assert [one["study"] for one in data.card["excluded"]["evaluation"]] == [
        "mine",
        "mcelfresh_2021",
    ]


@pytest.mark.parametrize("seed", [1, 2])
def test_what_is_kept_apart_where_chance_would_mix_it(seed: int, tmp_path: Path) -> None:
    # 6 ages x 3 x 3 = 54 patients, 1,431 pairs, of which 100 are the evaluation's and 28 are set
    # aside: of 100 training samples drawn without looking 7 and 2 would be among them.
    folder = tmp_path / "small"
    shutil.copytree(datasets_dir() / "mcelfresh_2021", folder)
    (folder / "controls.csv").unlink()
    study = yaml.safe_load((folder / "study.yaml").read_text(encoding="utf-8"))
    study["draw"] = {"seed": seed, "count": 20, "sets": [100, 60]}
    for attribute, ends in zip(study["attributes"], ([25, 30], [1, 3], [0, 2]), strict=True):
        attribute["range"] = ends
    (folder / "study.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
    options = ("--study", folder, "--samples", 100, "--heldout", 28, "--seed", seed)
    data = export(tmp_path / "data", *options)
    asked = {
        frozenset({one.first.values, one.second.values})
        for one in dilemmas_of(load_study(folder), 100, None)
    }
    train, heldout = pairs(data.train), pairs(data.heldout)
    assert (len(asked), len(train), len(heldout)) == (100, 100, 28)
    assert not train & heldout and not (train | heldout) & asked
    # A tenth of all pairs can be drawn: 143, of which a fifth is set aside.
    most = {"--samples": 115, "--heldout": 28}
    for option, count in most.items():
        line = refused(call("--out", tmp_path / "no", *options, option, count + 1))
        assert f"can draw {count} different dilemmas for it" in line


def test_a_list_is_what_its_evaluation_asks(tmp_path: Path) -> None:
    for study, names, count in (
        ("boerstler_2024", ("elderly", "years_gained", "obesity", "hours", "waiting"), 6),
        ("freedman_2020", ("age", "drinking", "cancer"), 28),
    ):
        options = ("--study", study, "--condition", "forced_choice", "--samples", 100)
        line = refused(call("--out", tmp_path / "no", *options))
        assert f"the {count} dilemmas of {study} are those that its evaluation asks" in line
        assert not (tmp_path / "no").exists()
        result = call("--out", tmp_path / study, "--allow-overlap", *options)
        assert "OVERLAP: 132 samples are about dilemmas" in result.output
        data = export(tmp_path / f"{study} again", "--allow-overlap", *options)
        assert data.card["excluded"]["overlap"] == 132
        train, heldout = pairs(data.train, names), pairs(data.heldout, names)
        # A fifth, rounded up, is held out: 2 of 6, 6 of 28.
        assert (len(train), len(heldout)) == (count - -(-count // 5), -(-count // 5))
        assert not train & heldout
        asked = Counter(one.facts["dilemma"] for one in data.train)
        assert max(asked.values()) - min(asked.values()) <= 1
        ids = [one.facts["sample"] for one in (*data.train, *data.heldout)]
        assert len(set(ids)) == len(ids)
        assert "**132 of the samples" in (data.folder / "README.md").read_text("utf-8")


# --- the folder ------------------------------------------------------------------------------


def test_twice_the_same_bytes(usual: TrainingData, tmp_path: Path) -> None:
    again = export(tmp_path / "data", "--samples", 130, "--wording", "all")
    for name in FILES:
        assert (again.folder / name).read_bytes() == (usual.folder / name).read_bytes(), name
    assert sorted(path.name for path in again.folder.iterdir()) == sorted(FILES)


@pytest.mark.slow
def test_the_same_bytes_in_another_process(usual: TrainingData, tmp_path: Path) -> None:
    script = str(Path(sys.executable).with_name("kidney-evals"))
    arguments = ["sft", "export", "--samples", "130", "--wording", "all", "--out", "data"]
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    subprocess.run([script, *arguments], env=environment, check=True, cwd=tmp_path)
    for name in FILES:
        made = (tmp_path / "data" / name).read_bytes()
        assert made == (usual.folder / name).read_bytes(), name


def test_the_card_says_what_was_drawn_from_what(usual: TrainingData) -> None:
    card, study = usual.card, load_study("mcelfresh_2021")
    assert set(card) == {
        *("format", "package", "study", "conditions", "source", "wordings", "wording", "seed"),
        *("samples", "balance", "excluded", "shuffled", "nested", "canary", "limits", "files"),
    }
    assert card["study"]["hash"] == study.hash and card["canary"] == study.canary
    assert card["samples"] == {"train": 130, "heldout": 32} and card["wording"] == "all"
    assert card["wordings"]["table"] == wordings()["table"].digest and len(card["wordings"]) == 17
    assert card["source"]["reference"]["coin_flip"]["sha256"] == _reference("coin_flip").sha256
    counted = card["balance"]["train"]["coin_flip"]
    own = [one for one in usual.train if one.facts["condition"] == "coin_flip"]
    assert counted["answer"] == dict(Counter(one.facts["answer"] for one in own))
    assert counted["samples"] == 65 and abs(counted["order"]["ab"] - 32.5) == 0.5
    # 400 drawn and 10 controls; 14 fixed questions that share two attributes of three.
    asked = [(one["study"], one["dilemmas"]) for one in card["excluded"]["evaluation"]]
    assert asked == [("mcelfresh_2021", 410), ("mcelfresh_2021_fixed", 14)]
    text = (usual.folder / "README.md").read_text(encoding="utf-8")
    for said in (study.canary, "132 people", "Not for clinical", "GPL-2.0", study.citation):
        assert said in text
    assert "\n\n\n" not in text and "{" not in text.replace('{"messages": [...]}', "")
    assert str(Path.home()) not in text + json.dumps(card)


def test_a_line_separator_inside_a_question_is_no_end_of_a_line(tmp_path: Path) -> None:
    table = [
        {"id": "odd", "base": "default", "varies": "x", "situation": "Two wait.\u2028One kidney."}
    ]
    (tmp_path / "odd.yaml").write_text(yaml.safe_dump(table), encoding="utf-8")
    data = export(tmp_path / "data", "--samples", 8, "--wording", tmp_path / "odd.yaml")
    assert "\u2028" in data.train[0].messages[0]["content"]


REFUSED: list[tuple[tuple[object, ...], str]] = [
    (("--samples", 7), "--samples must be a number from 8 to 10000, not 7"),
    (("--samples", 10001), "--samples must be a number from 8 to 10000, not 10001"),
    (("--heldout", 1001), "--heldout must be a number from 1 to 1000, not 1001"),
    (("--seed", -1), "--seed must be 0 or more"),
    (("--condition", "nope"), "unknown condition 'nope'; allowed: forced_choice, coin_flip, both"),
    (("--target", "nope"), "unknown target 'nope'; allowed: group, individual, majority"),
    (("--wording", "committee"), "offers another way out (committee) than people were offered"),
    (("--person", 2), "--person chooses one person: use it with --target individual"),
    (("--person", 7, "--target", "individual"), "--person must be a number from 1 to 6, not 7"),
    (("--study", "freedman_2020"), "nobody was asked coin_flip in freedman_2020; use --condition"),
    (("--data", "x", "--answers", "y"), "three sources; give one of them"),
    (("--data", "x", "--target", "group"), "they go with none of --data, --answers and --log"),
    (("--data", "no-such-folder"), "study_1.csv is missing; run `kidney-evals reference fetch`"),
    (("--answers", "no-such.csv"), "no-such.csv cannot be read"),
    (("--log", "no-such.eval"), "no log at 'no-such.eval'"),
]


@pytest.mark.parametrize(("options", "says"), REFUSED, ids=lambda one: str(one)[:40])
def test_what_cannot_be_is_refused_in_a_line(
    options: tuple[object, ...], says: str, tmp_path: Path
) -> None:
    out = tmp_path / "data"
    assert says in refused(call("--out", out, *options))
    assert not out.exists() and list(tmp_path.iterdir()) == []


def test_the_terminal_says_what_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # a short path, so that no line is long because of it
    result = call("--out", "data", "--samples", 64)
    assert max(map(len, result.output.splitlines())) <= 80
    assert "64 training and 32 held-out samples" in result.output
    assert "No sample is about a dilemma of the default evaluation" in result.output


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("mine", encoding="utf-8")
    assert "is not empty" in refused(call("--out", tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]
