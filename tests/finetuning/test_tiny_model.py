"""The whole loop on a model made on the spot: export, train, merge, evaluate, and its control."""

import json
import os
import resource
import shutil
import subprocess
import sys
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from filelock import FileLock
from scipy.stats import ttest_ind

from cli.calling import refused
from finetuning.folders import call, read
from finetuning.tiny_model import STUDY, answers_file, make_tiny_model, respondent
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


def train_few(data: TrainingData, base: Path, out: Path, count: int = 8, **more: Any) -> Path:
    """Train on few samples; return the path of the adapter's weights."""
    train(data, str(base), out, FEW, samples=count, device="cpu", **more)
    return out / "adapter_model.safetensors"


@pytest.fixture(scope="module", autouse=True)
def extra() -> None:
    if not os.environ.get("KIDNEY_EVALS_REQUIRE_TORCH"):
        for package in ("torch", "transformers", "peft", "trl", "accelerate", "datasets"):
            pytest.importorskip(package)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the model (`base`) and answers of `respondent` (`answers.csv`)."""
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


def figure(
    comparison: Comparison, arm: str, part: str, row: str, side_effect: bool = False
) -> RowChange:
    [found] = [
        one.row
        for one in comparison.compared
        if (one.arm, one.effect.part, one.effect.row) == (arm, part, row)
        and one.effect.is_side_effect == side_effect
    ]
    return found


def shares(comparison: Comparison, arm: str) -> pd.DataFrame:
    """Return for each held-out dilemma the shares of answers that are the respondent's (`right`).

    `coins` are the shares of coins, and `close` says whether the respondent flips.
    """
    rows = []
    for sample in comparison.logs[arm, "coin_flip"].samples or []:
        facts = sample.metadata
        if facts["kind"] == "drawn":
            a, b = (
                Patient(tuple(facts[f"{side}_{name}"] for name in STUDY.attribute_ids))
                for side in "ab"
            )
            given = (sample.scores or {})["human_alignment"].answer
            wanted = respondent(a, b, "coin_flip")
            rows.append((facts["dilemma"], given == wanted, given == "COIN", wanted == "COIN"))
    frame = pd.DataFrame(rows, columns=["dilemma", "right", "coins", "close"])
    found = frame.groupby("dilemma").mean().astype({"close": bool})
    assert len(found) == DILEMMAS
    return found


def run_of(comparison: Comparison, arm: str) -> Run:
    found = run_of_log(comparison.logs[arm, "coin_flip"])
    assert found is not None
    return found


def learnt(comparison: Comparison, before: str, after: str) -> Any:
    """The change of the share of answers that are the respondent's, in pairs over dilemmas."""
    return share_change(*(shares(comparison, arm)["right"] for arm in (before, after)))


def test_two_hundred_samples_teach_other_weights_and_when_to_flip(comparison: Comparison) -> None:
    assert learnt(comparison, "before", str(TRAINED)).change.low > 0

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
    found = shares(comparison, str(TRAINED))
    there = found["coins"][found["close"]]
    assert share_change(0 * there, there).change.low > 0
    assert there.mean() > 2 * found["coins"][~found["close"]].mean()

    # The base leans to the patient shown first, the respondent does not.
    swapped = figure(comparison, str(TRAINED), "coin_flip", "swap_diff")
    assert swapped.found.first > 0.3
    assert swapped.found.change.high < 0 and swapped.verdict == "lower"

    mass = figure(comparison, str(TRAINED), "readout", "answer_mass")
    assert mass.found.first > 0.98 and mass.found.second > 0.9


def test_what_was_not_trained_on_is_said(comparison: Comparison) -> None:
    # It learnt the coin where one is offered, and flips now and then where none is.
    cover = figure(comparison, str(TRAINED), "forced_choice", "coverage", side_effect=True)
    assert cover.found.first > 0.98 and cover.found.second < cover.found.first
    assert cover.verdict in ("lower", "not known")
    told = side_effects(comparison, str(TRAINED))
    first, second = (
        f"{one:.3f}".removeprefix("0") for one in (cover.found.first, cover.found.second)
    )
    assert f"| coverage (forced_choice) | {first} | {second}" in told


def test_the_learning_curve_rises(home: Path, comparison: Comparison) -> None:
    names = ["before", *map(str, SIZES)]
    agreed = [shares(comparison, name)["right"].mean() for name in names]
    # Seen on one processor: .17 and .19 from 200 answers, in two training settings.
    assert agreed[-1] == max(agreed) and agreed[-1] - agreed[0] > 0.1
    assert (home / "out" / "curve-agreement.svg").is_file()


def test_shuffled_answers_teach_no_such_thing(comparison: Comparison) -> None:
    # No gain, and far below what the real answers taught.
    assert learnt(comparison, "before", "shuffled").change.low < 0
    assert learnt(comparison, "shuffled", str(TRAINED)).change.low > 0
    # The real answers add coins where the respondent flips, beyond what they add elsewhere. A bound
    # on the control's own 80 answers there would be within their noise.
    close = shares(comparison, "shuffled")["close"]
    added = shares(comparison, str(TRAINED))["coins"] - shares(comparison, "shuffled")["coins"]
    there, elsewhere = added[close], added[~close]
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


def test_adapter_and_merged_model_are_one(comparison: Comparison) -> None:
    assert comparison.missing == () and len(comparison.logs) == 5 * 3
    # No path of this machine in a log's name of the model.
    models = {log.eval.model for log in comparison.logs.values()}
    assert models == {"hf/base", "hf/32", "hf/200", "hf/merged", "hf/control"}
    chances = ["chance_first", "chance_second", "chance_coin"]
    adapter, merged = (
        pd.DataFrame(
            {
                one.id: (one.scores or {})["human_alignment"].metadata
                for one in comparison.logs[arm, "readout"].samples or []
            }
        )
        .loc[chances]
        .astype(float)
        for arm in (str(TRAINED), "merged")
    )
    # Where most of the mass lies elsewhere nothing is read.
    differ = (adapter - merged).abs().stack().dropna()
    assert len(differ) > 0.9 * 3 * 2 * READOUT_DILEMMAS and differ.max() < 2e-3


def test_one_seed_gives_one_adapter_also_after_an_interruption(
    home: Path, samples: TrainingData, tmp_path: Path
) -> None:
    def trained(name: str, count: int = 32, **more: Any) -> Path:
        return train_few(samples, home / "base", tmp_path / name, count, **more)

    once, twice = trained("once"), trained("twice")
    assert sha256_of(once) == sha256_of(twice)
    assert {one.name for one in (tmp_path / "once").iterdir()} == {
        "README.md", "adapter_config.json", "adapter_model.safetensors", "chat_template.jinja",
        "data_card.json", "tokenizer.json", "tokenizer_config.json", "training.csv",
        "training.json", "training.svg",
    }  # fmt: skip
    config = read(tmp_path / "once" / "adapter_config.json")
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
        trained("cut", 8, resume=True)
    known = tmp_path / "cut.unfinished" / "run.json"
    begun = known.read_text(encoding="utf-8")
    for text in ('{"ba', "[]"):
        known.write_text(text, encoding="utf-8")
        with pytest.raises(UserError, match=r"run.json cannot be read; delete .*cut.unfinished"):
            trained("cut", resume=True)
    known.write_text(begun, encoding="utf-8")
    assert sha256_of(trained("cut", resume=True)) == sha256_of(once)
    assert not (tmp_path / "cut.unfinished").exists()
    whole, rest = (read(tmp_path / name / "training.json") for name in ("once", "cut"))
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
    train_few(samples, home / "base", tmp_path / "a")
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
    total, tokens = (np.reshape(one, (12, 8)).sum(axis=1) for one in (sums, counts))
    assert losses[0] == pytest.approx((total / tokens).mean(), abs=1e-5)


def training(home: Path, samples: TrainingData, out: Path, *more: object) -> list[str]:
    """Return the arguments of the command that trains a little."""
    given = ("--base", home / "base", "--data", samples.folder, "--device", "cpu", "--out", out)
    return ["train", *map(str, given), "--steps", "2", *map(str, more)]


def test_a_full_disk_leaves_nothing_that_looks_whole(
    home: Path, samples: TrainingData, tmp_path: Path
) -> None:
    arguments = training(home, samples, tmp_path / "a", "--samples", 8)
    program = Path(sys.executable).with_name("kidney-evals")
    full = subprocess.run(
        [str(program), "sft", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        # No file of this process may outgrow the limit.
        preexec_fn=partial(resource.setrlimit, resource.RLIMIT_FSIZE, (40_000, 40_000)),
    )
    assert full.returncode == 2, full.stderr
    [line] = [one for one in full.stderr.splitlines() if one.startswith("Error")]
    assert "cannot write" in line and "--resume" in line, line
    assert not (tmp_path / "a").exists()
    again = call(*arguments, "--resume")
    assert again.exit_code == 0, again.stderr
    assert (tmp_path / "a" / "adapter_model.safetensors").is_file()


def test_bases_that_will_not_do(home: Path, samples: TrainingData, tmp_path: Path) -> None:
    short, broken = (
        Path(shutil.copytree(home / "base", tmp_path / name)) for name in ("short", "broken")
    )
    config = read(short / "config.json") | {"max_position_embeddings": 20}
    (short / "config.json").write_text(json.dumps(config), encoding="utf-8")
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
    assert train_few(samples, home / "base", tmp_path / "out").is_file()


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
    assert train_few(samples, home / "base", tmp_path / "out").is_file()
    assert not work.exists()


def test_a_curve_that_was_cut_goes_on_with_the_sizes_that_are_missing(
    home: Path, samples: TrainingData, tmp_path: Path
) -> None:
    out = tmp_path / "a"
    arguments = training(home, samples, out, "--batch", 8, "--samples", "8,16")
    (out / "16").mkdir(parents=True)
    (out / "16" / "mine").touch()
    assert "16 is not an empty folder" in call(*arguments).stderr
    (out / "16" / "mine").unlink()
    first = sha256_of(out / "8" / "adapter_model.safetensors")
    again = call(*arguments, "--resume")
    assert again.exit_code == 0, again.output
    assert again.output.count("trained before, in") == 1
    assert sha256_of(out / "8" / "adapter_model.safetensors") == first
    assert (out / "16" / "adapter_model.safetensors").is_file()
    # Other settings are another adapter, for which there must be another folder.
    assert "is not an empty folder" in call(*arguments, "--rank", 2).stderr


def test_an_adapter_whose_base_has_moved(
    home: Path, samples: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_none")
    base, adapter = Path(shutil.copytree(home / "base", tmp_path / "base")), tmp_path / "adapter"
    train_few(samples, base, adapter)
    base.rename(tmp_path / "elsewhere")
    for arguments in (
        ("merge", adapter, "--out", tmp_path / "merged"),
        ("evaluate", "--before", home / "base", "--after", adapter, "--out", tmp_path / "out"),
        ("push", adapter, "somebody/something"),
    ):
        line = refused(call(*arguments))
        assert "has moved" in line and str(base) in line
    assert not (tmp_path / "out").exists() and not (tmp_path / "merged").exists()
