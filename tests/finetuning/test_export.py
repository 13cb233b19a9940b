"""`kidney-evals sft export` from the human reference: balance, nesting, words, leaks, cards."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from inspect_ai.event import ModelEvent
from inspect_ai.log import resolve_sample_attachments

from cli.calling import line_of, refused
from finetuning.folders import (
    asked_by_default,
    call,
    check_apart,
    export,
    not_exported,
    pairs,
    readme,
    row,
    shown,
    write_answers,
)
from kidney_evals.elicitation.reading import read_answer
from kidney_evals.elicitation.wording import put, wordings
from kidney_evals.finetuning.data import FORMAT, Example, TrainingData, read_data
from kidney_evals.finetuning.export import summary
from kidney_evals.finetuning.sources import evaluated
from kidney_evals.human.reference import load_reference
from kidney_evals.studies import CONDITIONS, Dilemma, Patient, datasets_dir, dilemmas_of, load_study
from kidney_evals.tasks import coin_flip, forced_choice
from tasks.running import run

USUAL = ("--samples", 130, "--wording", "all")


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> TrainingData:
    """Both conditions, every English wording."""
    return export(tmp_path_factory.mktemp("usual") / "data", *USUAL)


# --- balance and nesting ---------------------------------------------------------------------


def _check_balance(values: pd.Series[str], count: int) -> None:
    """Check that in every beginning of the samples the counts of values differ by at most one."""
    numbers = pd.get_dummies(values).cumsum()
    assert numbers.shape[1] == count
    assert (numbers.max(axis=1) - numbers.min(axis=1)).max() <= 1


@pytest.mark.parametrize(
    ("condition", "wordings"),
    [("both", "default,table"), ("forced_choice", "labels_xy,sentence,role_survey")],
)
def test_any_first_samples_are_balanced(condition: str, wordings: str, tmp_path: Path) -> None:
    options = ("--samples", 90, "--wording", wordings, "--condition", condition)
    data = export(tmp_path / "data", *options)
    count = len(wordings.split(","))
    for part in (data.train, data.heldout):
        facts = pd.DataFrame([one.facts for one in part])
        _check_balance(facts["condition"], 2 if condition == "both" else 1)
        for _, own in facts.groupby("condition"):
            _check_balance(own["order"], 2)
            _check_balance(own["wording"], count)
            # Orders and wordings are crossed, too: no wording has an order of its own.
            _check_balance(own["wording"] + own["order"], 2 * count)


@pytest.mark.parametrize(
    "options",
    [
        ("--target", "individual", "--wording", "default,table", "--shuffle"),
        ("--study", "mcelfresh_2021_fixed", "--allow-overlap", "--condition", "coin_flip"),
    ],
)
def test_sizes_share_their_first_samples_and_the_heldout_samples(
    options: tuple[str, ...], tmp_path: Path
) -> None:
    small, middle, large = (
        export(tmp_path / str(n), "--samples", n, "--heldout", held, *options)
        for n, held in ((16, 20), (32, 32), (64, 20))
    )
    assert large.train[:32] == middle.train and middle.train[:16] == small.train
    assert small.heldout == large.heldout
    # Sizes of held-out samples share their first samples as well (a control at nested sizes).
    assert middle.heldout[:16] == small.heldout[:16]
    assert middle.card["nested"] == [8, 16, 32]


# --- the words -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "wording"),
    [
        (coin_flip, "default,role_member_system"),
        pytest.param(
            forced_choice, "labels_numbers,table,attributes_reversed", marks=pytest.mark.slow
        ),
        pytest.param(coin_flip, "german", marks=pytest.mark.slow),
    ],
)
def test_prompts_are_those_of_a_run(task: Any, wording: str, tmp_path: Path) -> None:
    # A run that puts ten dilemmas in every wording and order, and an export of the same ten.
    design = task(dilemmas=10, controls=False, wording=wording, crossed="," in wording)
    log = run(design, tmp_path, "kidney/uniform", score=False, epochs=1)
    put = {}
    for sample in map(resolve_sample_attachments, log.samples or ()):
        [event] = [one for one in sample.events if isinstance(one, ModelEvent)]
        key = (sample.metadata["wording"], shown(sample.metadata))
        put[key] = [(one.role, one.text) for one in event.input]
    assert len(put) == 20 * len(wording.split(","))
    asked = dilemmas_of(load_study("mcelfresh_2021"), 10, None)
    rows = (row(one.first.values, one.second.values, "A") for one in asked)
    options: tuple[object, ...] = ("--condition", task.__name__, "--wording", wording)
    options += ("--answers", write_answers(tmp_path / "a.csv", rows), "--allow-overlap")
    data = export(tmp_path / "data", "--samples", 8, "--heldout", 2, *options)
    for one in (*data.train, *data.heldout):
        *question, answer = one.messages
        key = (one.facts["wording"], shown(one.facts))
        assert [(message["role"], message["content"]) for message in question] == put[key]
        assert answer["role"] == "assistant"


@pytest.mark.parametrize("wording", ["german", pytest.param("all", marks=pytest.mark.slow)])
def test_the_reader_reads_every_answer_as_it_was_given(wording: str, tmp_path: Path) -> None:
    data = export(tmp_path / "data", "--samples", 80, "--wording", wording)
    assert ("no human reference in this language" in readme(data)) == (wording == "german")
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


def test_files_have_the_format_of_the_services(usual: TrainingData, tmp_path: Path) -> None:
    for part, count in (("train", 130), ("heldout", 32)):
        lines = (usual.folder / f"{part}.jsonl").read_text(encoding="utf-8").split("\n")
        assert lines.pop() == "" and len(lines) == count
        for line in lines:
            [(name, messages)] = json.loads(line).items()
            assert name == "messages" and all(set(one) == {"role", "content"} for one in messages)
            # The mark of the study's text is in the card; a model must not learn it.
            assert "canary" not in line and "GUID" not in line
    # A line separator inside a question is no end of a line.
    wording = {"id": "odd", "base": "default", "varies": "x", "situation": "Two\u2028wait."}
    (tmp_path / "odd.yaml").write_text(yaml.safe_dump([wording]), encoding="utf-8")
    data = export(tmp_path / "data", "--samples", 8, "--wording", tmp_path / "odd.yaml")
    assert "\u2028" in data.train[0].messages[0]["content"]


# --- whose answers ---------------------------------------------------------------------------


def _dilemma(one: Example) -> Dilemma:
    a, b = map(Patient, shown(one.facts))
    first, second = (a, b) if one.facts["order"] == "ab" else (b, a)
    return Dilemma(one.facts["dilemma"], first, second, "drawn")


def _place(one: Example) -> int:
    if one.facts["answer"] == "COIN":
        return 2
    return int((one.facts["answer"] == "A") != (one.facts["order"] == "ab"))


def _fit(chances: Any, places: Sequence[int]) -> None:
    """Check that the count of each answer fits independent draws with these chances.

    Weighted by the chances, the count would be off if answers were given to other dilemmas.
    """
    given = np.equal.outer(places, np.arange(chances.shape[1]))
    for weights in (np.ones_like(chances), chances):
        error = np.sqrt((weights**2 * chances * (1 - chances)).sum(axis=0))
        assert (abs((weights * (given - chances)).sum(axis=0)) < 4 * error).all()


@pytest.mark.parametrize("target", ["group", "individual", "majority"])
def test_answers_are_those_of_the_target(target: str, tmp_path: Path) -> None:
    options = ("--person", 5) if target == "individual" else ()
    data = export(tmp_path / "data", "--samples", 1200, "--target", target, *options)
    study = load_study("mcelfresh_2021")
    latent = load_reference(study, "coin_flip").latent
    assert latent is not None
    for condition in CONDITIONS:
        own = [one for one in data.train if one.facts["condition"] == condition]
        dilemmas, places = list(map(_dilemma, own)), list(map(_place, own))
        chances = load_reference(study, condition).shares(dilemmas)
        if target == "individual":
            # One class in both conditions: without a coin, its shares of the decisions.
            chances = latent.predict(np.array(list(map(study.differences, dilemmas))))[4]
            if condition == "forced_choice":
                chances = chances[:, :2] / chances[:, :2].sum(axis=1, keepdims=True)
        if target == "majority":
            assert (chances[range(len(places)), places] == chances.max(axis=1)).all()
        else:
            _fit(chances, places)
    assert ("Every answer is the most frequent one" in readme(data)) == (target == "majority")
    if target == "individual":
        about = {"person": 5, "of": len(latent.shares), "people_of": "coin_flip"}
        assert data.card["source"].items() >= {**about, "model": "latent_classes"}.items()


def test_a_person_is_drawn_by_the_seed(tmp_path: Path) -> None:
    few = ("--samples", 8, "--target", "individual", "--seed")
    drawn = [export(tmp_path / str(seed), *few, seed) for seed in range(3)]
    assert len({one.card["source"]["person"] for one in drawn}) > 1
    # A person of a crowd where a study has no classes.
    study = ("--study", "mcelfresh_2021_fixed", "--allow-overlap")
    data = export(tmp_path / "data", *few, 1, *study)
    assert data.card["source"]["model"] == "persons" and data.card["source"]["of"] == 132
    assert "fitted to the answers of the people of this study" in readme(data)
    assert "The same person answers both conditions" in readme(data)


def test_a_control_exchanges_answers_within_nested_sizes(
    usual: TrainingData, tmp_path: Path
) -> None:
    data = export(tmp_path / "data", *USUAL, "--shuffle")
    for part, plain in ((data.train, usual.train), (data.heldout, usual.heldout)):
        assert [one.messages[:-1] for one in part] == [one.messages[:-1] for one in plain]
        assert [one.messages[-1] for one in part] != [one.messages[-1] for one in plain]
        for size in (8, 16, 32, 64, 128, 130):
            control, real = (
                Counter((one.facts["condition"], one.facts["answer"]) for one in which[:size])
                for which in (part, plain)
            )
            assert control == real
    assert data.card["shuffled"] is True and usual.card["shuffled"] is False
    assert "**A control." in readme(data)
    assert any(line.startswith("CONTROL: ") for line in summary(data.card))


# --- leaks -----------------------------------------------------------------------------------


def test_no_dilemma_is_in_two_places(tmp_path: Path) -> None:
    data = export(tmp_path / "data", "--samples", 300, "--heldout", 100, "--seed", 2021)
    check_apart(data)
    both = pairs(data.train) | pairs(data.heldout)
    # A dilemma is one sample, so there is no second order or wording of it to learn from.
    assert len(both) == 400 and all(len(pair) == 2 for pair in both)
    # The fixed questions have drinking in other words: age and children alone must differ.
    near = {
        frozenset((one.values[0], one.values[2]) for one in (dilemma.first, dilemma.second))
        for dilemma in load_study("mcelfresh_2021_fixed").listed
    }
    assert not {frozenset((v[0], v[2]) for v in pair) for pair in both} & near


def _edited(folder: Path, **changes: Any) -> dict[str, Any]:
    """Copy the default study; return the content of its `study.yaml` with changes, not written."""
    shutil.copytree(datasets_dir() / "mcelfresh_2021", folder)
    content: dict[str, Any] = yaml.safe_load((folder / "study.yaml").read_text(encoding="utf-8"))
    return content | changes


def test_a_copy_of_a_study_is_no_way_round(tmp_path: Path) -> None:
    # The same attributes under another name, in another order and in other words.
    folder = tmp_path / "mine"
    content = _edited(folder, id="mine", draw={"seed": 5, "count": 50, "sets": [50]})
    content["attributes"].reverse()
    for attribute in content["attributes"]:
        attribute["label"] += " of the patient"
        attribute["phrases"] = {"other": "it is {value}"}
    (folder / "study.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    mine = load_study(folder)
    known = evaluated(mine)
    theirs = [sorted(pair) for pair in asked_by_default() if len(pair) == 2]
    assert len(theirs) == 405  # 400 and 5 controls
    own = [*mine.control_block[:5], *dilemmas_of(mine, 50, None)]
    for first, second in [
        *((one[::-1], two[::-1]) for one, two in theirs),
        *((one.first.values, one.second.values) for one in own),
    ]:
        assert known.holds(Dilemma("x", Patient(first), Patient(second), "drawn"))
        assert known.holds(Dilemma("y", Patient(second), Patient(first), "fixed"))
    data = export(tmp_path / "data", "--study", folder, "--samples", 100, "--seed", 4)
    check_apart(data)
    studies = [one["study"] for one in data.card["excluded"]["evaluation"]]
    assert studies == ["mine", "mcelfresh_2021"]


def test_a_small_study_where_chance_would_mix_the_parts(tmp_path: Path) -> None:
    # 6 ages x 3 x 3 = 54 patients, 1,431 pairs, of which 100 are the evaluation's and 28 are set
    # aside: of 100 training samples drawn without looking 7 and 2 would be among them.
    folder = tmp_path / "small"
    study = _edited(folder, draw={"seed": 1, "count": 20, "sets": [100, 60]})
    (folder / "controls.csv").unlink()
    for attribute, ends in zip(study["attributes"], ([25, 30], [1, 3], [0, 2]), strict=True):
        attribute["range"] = ends
    (folder / "study.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
    options = ("--study", folder, "--samples", 100, "--heldout", 28, "--seed", 1)
    data = export(tmp_path / "data", *options)
    asked = {
        frozenset({one.first.values, one.second.values})
        for one in dilemmas_of(load_study(folder), 100, None)
    }
    train, heldout = pairs(data.train), pairs(data.heldout)
    assert (len(asked), len(train), len(heldout)) == (100, 100, 28)
    assert all(len(pair) == 2 for pair in train | heldout)
    assert not train & heldout and not (train | heldout) & asked
    # A tenth of all pairs can be drawn: 143, of which a fifth is set aside, whatever is asked for.
    for option, most in (("--samples", 115), ("--heldout", 28)):
        line = not_exported(tmp_path / "no", *options, option, most + 1)
        assert f"{option} {most + 1} is more than there is: " in line
        assert f"can draw {most} different dilemmas for it" in line
    fewer = export(tmp_path / "fewer", *options, "--samples", 16, "--heldout", 8)
    assert fewer.heldout == data.heldout[:8] and fewer.train == data.train[:16]


def test_a_list_is_asked_by_its_evaluation(tmp_path: Path) -> None:
    options = ("--study", "freedman_2020", "--condition", "forced_choice", "--samples", 100)
    line = not_exported(tmp_path / "no", *options)
    assert "the 28 dilemmas of freedman_2020 are those that its evaluation asks" in line
    data = export(tmp_path / "data", "--allow-overlap", *options)
    assert any(one.startswith("OVERLAP: 132 samples are about") for one in summary(data.card))
    assert data.card["excluded"]["overlap"] == 132
    names = ("age", "drinking", "cancer")
    train, heldout = pairs(data.train, names), pairs(data.heldout, names)
    # A fifth of 28, rounded up, is held out.
    assert (len(train), len(heldout)) == (22, 6) and not train & heldout
    asked = Counter(one.facts["dilemma"] for one in data.train)
    assert max(asked.values()) - min(asked.values()) <= 1
    assert "**132 of the samples" in readme(data)


# --- the folder ------------------------------------------------------------------------------


def test_the_card_has_the_provenance(usual: TrainingData) -> None:
    card, study = usual.card, load_study("mcelfresh_2021")
    assert {path.stem for path in usual.folder.iterdir()} == {"README", "card", "heldout", "train"}
    assert set(card) == {
        *("format", "package", "study", "conditions", "source", "wordings", "wording", "seed"),
        *("samples", "balance", "excluded", "shuffled", "nested", "canary", "limits", "files"),
    }
    assert card["study"]["hash"] == study.hash and card["canary"] == study.canary
    assert card["samples"] == {"train": 130, "heldout": 32} and card["wording"] == "all"
    assert card["wordings"]["table"] == put(wordings()["table"], study).digest
    assert len(card["wordings"]) == 17
    reference = load_reference(study, "coin_flip")
    assert card["source"]["reference"]["coin_flip"]["sha256"] == reference.sha256
    counted = card["balance"]["train"]["coin_flip"]
    own = [one for one in usual.train if one.facts["condition"] == "coin_flip"]
    assert counted["answer"] == dict(Counter(one.facts["answer"] for one in own))
    assert counted["samples"] == 65 and abs(counted["order"]["ab"] - 32.5) == 0.5
    # 400 drawn and 10 controls; 14 fixed questions that share two attributes of three.
    asked = [(one["study"], one["dilemmas"]) for one in card["excluded"]["evaluation"]]
    assert asked == [("mcelfresh_2021", 410), ("mcelfresh_2021_fixed", 14)]
    text = readme(usual)
    for said in (study.canary, "132 people", "Not for clinical", "GPL-2.0", study.citation):
        assert said in text
    assert "\n\n\n" not in text and "{" not in text.replace('{"messages": [...]}', "")
    assert str(Path.home()) not in text + json.dumps(card)


REFUSED = {
    "--samples 7": "--samples must be a number from 8 to 10000, not 7",
    "--heldout 1001": "--heldout must be a number from 1 to 1000, not 1001",
    "--seed -1": "--seed must be 0 or more",
    "--condition no": "unknown condition 'no'; allowed: forced_choice, coin_flip, both",
    "--target nope": "unknown target 'nope'; allowed: group, individual, majority",
    "--wording committee": "another way out (committee) than the source (coin)",
    "--person 2": "--person chooses one person: use it with --target individual",
    "--person 7 --target individual": "--person must be a number from 1 to 6, not 7",
    "--study freedman_2020": "nobody was asked coin_flip in freedman_2020; use --cond",
    "--data x --answers y": "three sources; give one of them",
    "--data x --target group": "--target and --person choose answers of the human reference alone",
    "--data no-such-folder": "study_1.csv is missing; run `kidney-evals reference fetch`",
    f"--out {'x' * 300}": "(File name too long)",
    "--answers no-such.csv": "no-such.csv cannot be read",
    "--log no-such.eval": "no log at 'no-such.eval'",
}


def test_the_terminal_shows_a_summary_or_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # a short path, so that no line is long because of it
    for options, says in REFUSED.items():
        assert says in not_exported(Path("data"), *options.split())
    assert list(tmp_path.iterdir()) == []
    result = call("export", "--out", "data", "--samples", 64)
    assert max(map(len, result.output.splitlines())) <= 80
    for says in ("64 training and 32 held-out samples", "No sample is about a dilemma of the def"):
        assert says in result.output
    assert "is not an empty folder" in refused(call("export", "--out", "data"))


def test_a_folder_that_was_changed_is_refused(usual: TrainingData, tmp_path: Path) -> None:
    for number, (name, content, says) in enumerate(
        (
            ("train.csv", "a", "train.csv was changed after the export"),
            ("README.md", "a", "README.md was changed after the export"),
            ("heldout.jsonl", None, "heldout.jsonl cannot be read: No such file or directory"),
            ("card.json", "{}", "card.json is not of the form"),
            (
                "card.json",
                json.dumps({"format": FORMAT}),
                "card.json lacks the SHA-256 of heldout.csv",
            ),
            ("card.json", "{", "card.json cannot be read"),
            # Bytes that are no UTF-8.
            ("card.json", "\udcff", "card.json cannot be read"),
            ("card.json", None, "holds no card.json; make a folder of samples"),
        )
    ):
        folder = tmp_path / str(number)
        shutil.copytree(usual.folder, folder)
        (folder / name).unlink()
        if content is not None:
            (folder / name).write_bytes(content.encode(errors="surrogateescape"))
        assert says in line_of(read_data, folder)
