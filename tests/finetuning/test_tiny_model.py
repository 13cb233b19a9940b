"""The whole loop on a model made on the spot: export, train, merge, evaluate, and its control."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from filelock import FileLock
from scipy.stats import ttest_ind

from cli.calling import refused
from finetuning.tiny_model import STUDY, answers_file, make_tiny_model, respondent
from kidney_evals.cli import main
from kidney_evals.errors import UserError
from kidney_evals.estimation.paired import share_change
from kidney_evals.finetuning.arms import Arm
from kidney_evals.finetuning.base import merge_adapter
from kidney_evals.finetuning.comparison_report import side_effects, write_results
from kidney_evals.finetuning.data import TrainingData, sha256_of
from kidney_evals.finetuning.evaluate import READOUT_DILEMMAS, Comparison, Plan, evaluate
from kidney_evals.finetuning.export import export
from kidney_evals.finetuning.settings import settings
from kidney_evals.finetuning.sources import Request, evaluated
from kidney_evals.finetuning.train import train
from kidney_evals.finetuning.training_report import read_object
from kidney_evals.measures import change, compute
from kidney_evals.measures.run import Run
from kidney_evals.reporting.comparing.changes import RowChange
from kidney_evals.scorers.samples import run_of_log
from kidney_evals.studies import Patient
from kidney_evals.studies.draw import draw_dilemmas

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

TRAINED = 200
SIZES = (32, TRAINED)
DILEMMAS = 100
# A model this small learns at a rate that would break a real one.
SETTINGS = settings(
    rank=8, alpha=16, learning_rate=2e-3, dropout=0.1, batch=8, steps=500, patience=6
)
FEW = settings(rank=4, alpha=8, learning_rate=3e-3, batch=8, steps=12)
"""Three passes over 32 samples."""


@pytest.fixture(scope="module", autouse=True)
def extra() -> None:
    if not os.environ.get("KIDNEY_EVALS_REQUIRE_TORCH"):
        for package in ("torch", "transformers", "peft", "trl", "accelerate", "datasets"):
            pytest.importorskip(package)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the model and the answers of somebody else."""
    folder = tmp_path_factory.mktemp("tiny")
    make_tiny_model(folder / "base")
    default = evaluated(STUDY)
    drawn = draw_dilemmas("respondent", STUDY.attributes, 700, 7)
    others = [one for one in drawn if not default.holds(one)]
    answers_file(folder / "answers.csv", others, "coin_flip")
    return folder


@pytest.fixture(scope="module")
def samples(home: Path) -> TrainingData:
    return export(home / "samples", request_of(home))


def request_of(home: Path, shuffle: bool = False) -> Request:
    answers = home / "answers.csv"
    return Request(
        samples=TRAINED, heldout=96, condition="coin_flip", answers=answers, shuffle=shuffle
    )


@pytest.fixture(scope="module")
def comparison(home: Path, samples: TrainingData) -> Comparison:
    base = str(home / "base")
    for size in SIZES:
        train(samples, base, home / "adapters" / str(size), SETTINGS, samples=size, device="cpu")
    merge_adapter(home / "adapters" / str(TRAINED), home / "merged")
    shuffled = export(home / "shuffled", request_of(home, shuffle=True))
    train(shuffled, base, home / "control", SETTINGS, device="cpu")
    arms = [
        Arm("before", base, samples=0),
        *(Arm(str(size), str(home / "adapters" / str(size)), samples=size) for size in SIZES),
        Arm("merged", str(home / "merged")),
        Arm("shuffled", str(home / "control")),
    ]
    options = {"display": "none", "max_tokens": 8, "max_connections": 300, "log_realtime": False}
    found = evaluate(
        arms, home / "out", Plan(DILEMMAS, side_effects=False), device="cpu", options=options
    )
    print("\n".join(write_results(found, home / "out")))
    return found


def figure(comparison: Comparison, arm: str, part: str, row: str) -> RowChange:
    [found] = [
        one.row
        for one in comparison.compared
        if (one.arm, one.effect.part, one.effect.row) == (arm, part, row)
        and not one.effect.is_side_effect
    ]
    return found


def answers(comparison: Comparison, arm: str, part: Any) -> Iterator[tuple[str, str, str]]:
    """Yield each held-out dilemma with the model's answer and the respondent's."""
    for sample in comparison.logs[arm, part].samples or []:
        facts = sample.metadata
        if facts["kind"] == "drawn":
            a, b = (
                Patient(tuple(facts[f"{side}_{name}"] for name in STUDY.attribute_ids))
                for side in "ab"
            )
            given = (sample.scores or {})["human_alignment"].answer or ""
            yield facts["dilemma"], given, respondent(a, b, part)


def as_respondent(comparison: Comparison, arm: str, part: Any) -> dict[str, float]:
    """Share of answers to each held-out dilemma that the respondent would have given."""
    hits: dict[str, list[bool]] = {}
    for dilemma, given, wanted in answers(comparison, arm, part):
        hits.setdefault(dilemma, []).append(given == wanted)
    return {name: float(np.mean(each)) for name, each in sorted(hits.items())}


def coins(comparison: Comparison, arm: str) -> tuple[list[float], list[float]]:
    """Shares of coins by dilemma where the respondent flips, and by dilemma elsewhere."""
    sides: tuple[dict[str, list[bool]], dict[str, list[bool]]] = ({}, {})
    for dilemma, given, wanted in answers(comparison, arm, "coin_flip"):
        sides[wanted != "COIN"].setdefault(dilemma, []).append(given == "COIN")
    there, elsewhere = ([float(np.mean(one[name])) for name in sorted(one)] for one in sides)
    return there, elsewhere


def run_of(comparison: Comparison, arm: str) -> Run:
    found = run_of_log(comparison.logs[arm, "coin_flip"])
    assert found is not None
    return found


def learnt(comparison: Comparison, arm: str, part: Any) -> Any:
    """The change of that share from the untrained model, in pairs over dilemmas."""
    before, after = (as_respondent(comparison, one, part) for one in ("before", arm))
    assert list(before) == list(after) and len(before) == DILEMMAS
    return share_change(list(before.values()), list(after.values()))


def test_two_hundred_samples_teach_other_weights_and_when_to_flip(comparison: Comparison) -> None:
    found = learnt(comparison, str(TRAINED), "coin_flip")
    print(found)
    assert found.change.low > 0

    # The base never flips; the respondent does so in a fifth of the dilemmas, people in a sixth.
    flips = figure(comparison, str(TRAINED), "coin_flip", "flip_rate")
    assert flips.found.first == 0
    assert flips.found.change.low > 0 and flips.verdict in ("nearer", "higher")
    assert abs(flips.found.second - flips.aim) < abs(flips.found.first - flips.aim)
    # Not by how often alone: a control that flips anywhere at people's rate gets most of flip
    # calibration too. The closer the patients, the more coins, as with people, and where the
    # respondent flips more than elsewhere.
    slope = compute(run_of(comparison, str(TRAINED)), "flip_slope")
    assert slope.high < 0 and slope.human < 0
    there, elsewhere = coins(comparison, str(TRAINED))
    found = share_change([0.0] * len(there), there)
    assert found.change.low > 0 and found.second > 2 * np.mean(elsewhere)

    # The base leans to the patient shown first, the respondent does not.
    swapped = figure(comparison, str(TRAINED), "coin_flip", "swap_diff")
    assert swapped.found.first > 0.3
    assert swapped.found.change.high < 0 and swapped.verdict == "lower"

    mass = figure(comparison, str(TRAINED), "readout", "answer_mass")
    assert mass.found.first > 0.98 and mass.found.second > 0.9


def test_what_was_not_trained_on_is_said(comparison: Comparison) -> None:
    # It learnt the coin where one is offered, and flips now and then where none is.
    [cover] = [
        one.row
        for one in comparison.compared
        if (one.arm, one.effect.part, one.effect.row) == (str(TRAINED), "forced_choice", "coverage")
        and one.effect.is_side_effect
    ]
    assert cover.found.first > 0.98 and cover.found.second < cover.found.first
    assert cover.verdict in ("lower", "not known")
    told = side_effects(comparison, str(TRAINED))
    first, second = (
        f"{one:.3f}".removeprefix("0") for one in (cover.found.first, cover.found.second)
    )
    assert f"| coverage (forced_choice) | {first} | {second}" in told


def test_the_learning_curve_rises(home: Path, comparison: Comparison) -> None:
    names = ["before", *map(str, SIZES)]
    agreed = [
        np.mean(list(as_respondent(comparison, name, "coin_flip").values())) for name in names
    ]
    print("as the respondent", agreed)
    # Seen on one processor: .17 and .19 from 200 answers, in two training settings.
    assert agreed[-1] == max(agreed) and agreed[-1] - agreed[0] > 0.1
    assert agreed[2] > agreed[0]

    assert (home / "out" / "curve-agreement.svg").is_file()


def test_shuffled_answers_teach_no_such_thing(comparison: Comparison) -> None:
    found = learnt(comparison, "shuffled", "coin_flip")
    print(found)
    # No gain, and far below what the real answers taught.
    assert found.change.low < 0
    taught = share_change(
        *(
            list(as_respondent(comparison, arm, "coin_flip").values())
            for arm in ("shuffled", str(TRAINED))
        )
    )
    assert taught.change.low > 0
    # The real answers add coins where the respondent flips, beyond what they add elsewhere. A bound
    # on the control's own 80 answers there would be within their noise.
    there, elsewhere = (
        np.subtract(real, control)
        for real, control in zip(
            coins(comparison, str(TRAINED)), coins(comparison, "shuffled"), strict=True
        )
    )
    assert ttest_ind(there, elsewhere, equal_var=False, alternative="greater").pvalue < 0.025
    # Its coins do not follow how close the patients are, as those of the real answers do.
    control, real = (run_of(comparison, arm) for arm in ("shuffled", str(TRAINED)))
    assert compute(real, "flip_slope").high < min(0, compute(control, "flip_slope").low)
    # Choice distance is not among these: it falls for whoever is less sure of a wrong rule, and
    # the real answers need not bring it down either. On one machine this control fell by .08.
    for row, better in (("agreement", 1), ("swap_diff", -1)):
        assert figure(comparison, "shuffled", "coin_flip", row).verdict != "nearer", row
        beyond = change(control, real, row).change
        assert min(beyond.low * better, beyond.high * better) > 0, row
    told = (comparison.logs["shuffled", "coin_flip"].eval.metadata or {})["sft_arm"]
    assert told == "shuffled"


def test_adapter_and_merged_model_are_one(comparison: Comparison) -> None:
    assert comparison.missing == () and len(comparison.logs) == 5 * 3
    # No path of this machine in a log's name of the model.
    models = {log.eval.model for log in comparison.logs.values()}
    assert models == {"hf/base", "hf/32", "hf/200", "hf/merged", "hf/control"}
    read = []
    for arm in (str(TRAINED), "merged"):
        samples = comparison.logs[arm, "readout"].samples or []
        scores = {one.id: (one.scores or {})["human_alignment"].metadata or {} for one in samples}
        read.append(
            {
                (name, choice): kept[f"chance_{choice}"]
                for name, kept in scores.items()
                for choice in ("first", "second", "coin")
                # Where most of the mass lies elsewhere nothing is read.
                if f"chance_{choice}" in kept
            }
        )
    both = read[0].keys() & read[1].keys()
    assert len(both) > 0.9 * 3 * 2 * READOUT_DILEMMAS
    assert {key: read[0][key] for key in both} == pytest.approx(
        {key: read[1][key] for key in both}, abs=2e-3
    )


def test_one_seed_gives_one_adapter_also_after_an_interruption(
    home: Path, samples: TrainingData, tmp_path: Path
) -> None:
    def trained(name: str, **more: Any) -> Path:
        train(samples, str(home / "base"), tmp_path / name, FEW, samples=32, device="cpu", **more)
        return tmp_path / name / "adapter_model.safetensors"

    once, twice = trained("once"), trained("twice")
    assert sha256_of(once) == sha256_of(twice)
    assert {one.name for one in (tmp_path / "once").iterdir()} == {
        "README.md", "adapter_config.json", "adapter_model.safetensors", "chat_template.jinja",
        "data_card.json", "tokenizer.json", "tokenizer_config.json", "training.csv",
        "training.json", "training.svg",
    }  # fmt: skip
    config = json.loads((tmp_path / "once" / "adapter_config.json").read_text(encoding="utf-8"))
    assert config["base_model_name_or_path"] == str((home / "base").resolve())

    def stop(line: str) -> None:
        if line.startswith("pass 2 "):
            raise KeyboardInterrupt

    with pytest.raises(UserError, match=r"interrupted; no adapter was written.*--resume"):
        trained("cut", say=stop)
    assert not (tmp_path / "cut").exists()
    with pytest.raises(UserError, match=r"unfinished run.*--resume, or delete it"):
        trained("cut")
    with pytest.raises(UserError, match="has another samples"):
        train(
            samples, str(home / "base"), tmp_path / "cut", FEW, samples=8, device="cpu", resume=True
        )
    known = tmp_path / "cut.unfinished" / "run.json"
    begun = known.read_text(encoding="utf-8")
    for text in ('{"ba', "[]"):
        known.write_text(text, encoding="utf-8")
        with pytest.raises(UserError, match=r"run.json cannot be read; delete .*cut.unfinished"):
            trained("cut", resume=True)
    known.write_text(begun, encoding="utf-8")
    assert sha256_of(trained("cut", resume=True)) == sha256_of(once)
    assert not (tmp_path / "cut.unfinished").exists()
    whole, rest = (read_object(tmp_path / name / "training.json") for name in ("once", "cut"))
    # Three passes; the seconds are rounded to tenths.
    tokens = 3 * whole["tokens_of_a_pass"]
    assert tokens / whole["tokens_per_second"] == pytest.approx(whole["seconds"], abs=0.1)
    assert rest["resumed"] and rest["tokens_per_second"] is None
    for report in (whole, rest):
        assert report["longest_sample"] == 30 and report["dtype"] == "float32"
        # Torch alone takes more than 100 MB.
        assert report["peak_memory_bytes"] > 100e6


def test_the_loss_is_the_mean_over_the_tokens_of_the_answers(
    home: Path, samples: TrainingData, tmp_path: Path
) -> None:
    torch, transformers = import_module("torch"), import_module("transformers")
    train(samples, str(home / "base"), tmp_path / "a", FEW, samples=8, device="cpu")
    losses = pd.read_csv(tmp_path / "a" / "training.csv")["heldout_loss"]
    model = transformers.AutoModelForCausalLM.from_pretrained(home / "base", dtype=torch.float32)
    tokenizer = transformers.AutoTokenizer.from_pretrained(home / "base")
    sums, counts = [], []
    for one in samples.heldout:
        asked, whole = (
            tokenizer.apply_chat_template(messages, add_generation_prompt=opens)["input_ids"]
            for messages, opens in ((one.messages[:-1], True), (one.messages, False))
        )
        ids = torch.tensor([whole])
        with torch.no_grad():
            logprobs = model(ids).logits[0, :-1].log_softmax(dim=-1)
        each = -logprobs[range(len(whole) - 1), whole[1:]]
        sums.append(float(each[len(asked) - 1 :].sum()))
        counts.append(len(whole) - len(asked))
    # The mean over batches of 8, of which there are 12.
    batches = np.sum(np.reshape(sums, (12, 8)), axis=1) / np.sum(
        np.reshape(counts, (12, 8)), axis=1
    )
    assert losses[0] == pytest.approx(batches.mean(), abs=1e-5)


def sft(*arguments: object, limit: int | None = None) -> subprocess.CompletedProcess[str]:
    """Run `kidney-evals sft` in a process of its own, no file of which may outgrow `limit`."""

    def small() -> None:
        assert limit is not None
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return subprocess.run(
        [str(Path(sys.executable).with_name("kidney-evals")), "sft", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        preexec_fn=None if limit is None else small,
    )


def test_a_full_disk_leaves_nothing_that_looks_whole(
    home: Path, samples: TrainingData, tmp_path: Path
) -> None:
    arguments = (
        *("train", "--base", home / "base", "--data", samples.folder, "--device", "cpu"),
        *("--samples", 8, "--steps", 2, "--out", tmp_path / "a"),
    )
    full = sft(*arguments, limit=40_000)
    assert full.returncode == 2, full.stderr
    [line] = [one for one in full.stderr.splitlines() if one.startswith("Error")]
    assert "cannot write" in line and "--resume" in line, line
    assert not (tmp_path / "a").exists()
    again = sft(*arguments, "--resume")
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "a" / "adapter_model.safetensors").is_file()


def train_few(samples: TrainingData, base: Path, out: Path) -> None:
    train(samples, str(base), out, FEW, samples=8, device="cpu", say=lambda _: None)


def edited(source: Path, folder: Path, changes: Mapping[str, Mapping[str, Any]]) -> Path:
    """Copy a model's folder with entries of its JSON files changed."""
    shutil.copytree(source, folder)
    for name, entries in changes.items():
        content = json.loads((folder / name).read_text(encoding="utf-8")) | entries
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    return folder


def test_bases_that_will_not_do(home: Path, samples: TrainingData, tmp_path: Path) -> None:
    config = {"config.json": {"max_position_embeddings": 20}}
    short = edited(home / "base", tmp_path / "short", config)
    broken = edited(home / "base", tmp_path / "broken", {})
    (broken / "model.safetensors").write_bytes(b"no weights")
    for base, line in (
        (short, "the longest sample has 30 tokens, and .* reads 20"),
        (broken, "the model of .* cannot be loaded"),
    ):
        with pytest.raises(UserError, match=line) as error:
            train_few(samples, base, tmp_path / "out")
        assert "\n" not in str(error.value)
        assert not (tmp_path / "out").exists()
    # None of these failures stands in the way of the next try.
    train_few(samples, home / "base", tmp_path / "out")
    assert (tmp_path / "out" / "adapter_model.safetensors").is_file()


def test_a_folder_that_is_trained_in_or_is_none_of_ours_is_left_alone(
    home: Path, samples: TrainingData, tmp_path: Path
) -> None:
    work = tmp_path / "out.unfinished"
    work.mkdir()
    (work / "mine").touch()
    with pytest.raises(UserError, match="is no unfinished run; delete it, or name another"):
        train_few(samples, home / "base", tmp_path / "out")
    assert [one.name for one in work.iterdir()] == ["mine"]
    (work / "mine").unlink()
    # As a process leaves it that was killed while it wrote.
    (work / "run.json").write_text('{"ba', encoding="utf-8")
    (work / "checkpoint-1").mkdir()
    with FileLock(work / "lock"), pytest.raises(UserError, match="another process is training in"):
        train_few(samples, home / "base", tmp_path / "out")
    assert (work / "checkpoint-1").is_dir()
    train_few(samples, home / "base", tmp_path / "out")
    assert not work.exists() and (tmp_path / "out" / "adapter_model.safetensors").is_file()


def test_a_curve_that_was_cut_goes_on_with_the_sizes_that_are_missing(
    home: Path, samples: TrainingData, tmp_path: Path
) -> None:
    def trained(*more: str) -> Result:
        arguments = (
            *("train", "--base", home / "base", "--data", samples.folder, "--device", "cpu"),
            *("--steps", 2, "--batch", 8, "--samples", "8,16", "--out", tmp_path / "a"),
        )
        return CliRunner().invoke(main, ["sft", *map(str, arguments), *more])

    (tmp_path / "a" / "16").mkdir(parents=True)
    (tmp_path / "a" / "16" / "mine").touch()
    assert "16 is not an empty folder" in trained().stderr
    (tmp_path / "a" / "16" / "mine").unlink()
    first = sha256_of(tmp_path / "a" / "8" / "adapter_model.safetensors")
    again = trained("--resume")
    assert again.exit_code == 0, again.output
    assert again.output.count("trained before, in") == 1
    assert sha256_of(tmp_path / "a" / "8" / "adapter_model.safetensors") == first
    assert (tmp_path / "a" / "16" / "adapter_model.safetensors").is_file()
    # Other settings are another adapter, for which there must be another folder.
    assert "is not an empty folder" in trained("--rank", "2").stderr


def test_an_adapter_whose_base_has_moved(home: Path, samples: TrainingData, tmp_path: Path) -> None:
    base = edited(home / "base", tmp_path / "base", {})
    adapter = tmp_path / "adapter"
    train_few(samples, base, adapter)
    base.rename(tmp_path / "elsewhere")
    runner = CliRunner(env={"HF_TOKEN": "hf_none"})
    for arguments in (
        ("merge", adapter, "--out", tmp_path / "merged"),
        ("evaluate", "--before", home / "base", "--after", adapter, "--out", tmp_path / "out"),
        ("push", adapter, "somebody/something"),
    ):
        line = refused(runner.invoke(main, ["sft", *map(str, arguments)]))
        assert "has moved" in line and str(base) in line
    assert not (tmp_path / "out").exists() and not (tmp_path / "merged").exists()
