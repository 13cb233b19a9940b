"""Fine-tune a local model on people's answers, evaluate it, and write the figures into a page.

    .venv/bin/python docs/smollm2_run.py --model MODEL --work WORK --sizes 8,32,128 --seeds 1

MODEL is a model folder with a chat template. Each step is a command of `kidney-evals sft`, whose
result is a folder in WORK: the same call, after an interruption or with more sizes or seeds,
continues (with more sizes, all adapters are evaluated again). Another --model, --heldout, --steps
or --few-shot needs another WORK. The figures are written into the page's block `smollm2` after the
last step.
"""

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from update_readme import replace

from kidney_evals.card.numbers import NOTHING, interval, listed, short
from kidney_evals.finetuning.evaluate import PARTS
from kidney_evals.finetuning.settings import read_sizes
from kidney_evals.human.reference import load_reference
from kidney_evals.measures import find
from kidney_evals.reporting.table_formats import markdown_table
from kidney_evals.studies import CONDITIONS, DEFAULT_STUDY, load_study

PAGE = Path(__file__).with_name("finetuning.md")
CURVE = "finetuning-smollm2.svg"

# Columns of the two tables: measures of a comparison, by run.
BOTH = ("sharpness", "agreement", "swap_diff", "retest")
COLUMNS = {"coin_flip": ("flip_rate", "flip_calib", *BOTH, "answer_mass"), "forced_choice": BOTH}

Row = Mapping[str, float]
"""A line of a comparison, by column."""


class Step(NamedTuple):
    """A command, and the file that shows that it is done."""

    name: str
    command: tuple[str, ...]
    done: Path


def main() -> None:
    """Run the steps that are missing, and write the figures into the page."""
    given = _arguments()
    steps = list(_steps(given))
    given.work.mkdir(parents=True, exist_ok=True)
    record = given.work / "seconds.json"
    seconds: dict[str, float] = json.loads(record.read_text()) if record.exists() else {}
    for number, step in enumerate(steps, start=1):
        print(f"step {number} of {len(steps)}: {step.name}", flush=True)
        if step.done.exists():
            print("  done before")
            continue
        began = time.monotonic()
        _run(step)
        seconds[step.name] = time.monotonic() - began
        record.write_text(json.dumps(seconds, indent=2) + "\n", encoding="utf-8")
        print(f"  took {_duration(seconds[step.name])}", flush=True)
    text = _section(given, sum(seconds.get(step.name, 0.0) for step in steps))
    replace(given.page, "smollm2", text)
    curve = _comparison(given, given.seeds[0]) / "curve-agreement.svg"
    if curve.is_file():
        shutil.copy(curve, given.page.with_name(CURVE))
    print(f"written into {given.page}")


def _arguments() -> Any:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--model", required=True, type=Path, help="folder of the model")
    parser.add_argument("--name", default="SmolLM2-135M-Instruct", help="its name in the page")
    parser.add_argument("--work", required=True, type=Path, help="folder of all results")
    parser.add_argument("--sizes", default="8,32,128", help="numbers of training samples")
    parser.add_argument("--seeds", default="1", help="seeds of the samples and of the training")
    parser.add_argument("--heldout", default=48, type=int, help="held-out samples of a training")
    parser.add_argument("--dilemmas", default=50, type=int, help="dilemmas of the evaluation")
    parser.add_argument("--few-shot", default=8, type=int, help="samples in the system message")
    parser.add_argument("--steps", type=int, help="most steps of a training, as in sft train")
    parser.add_argument("--batch", default=8, type=int, help="questions at a time, evaluation")
    parser.add_argument("--page", default=PAGE, type=Path)
    given = parser.parse_args()
    given.sizes = read_sizes(given.sizes, "--sizes")
    given.seeds = read_sizes(given.seeds, "--seeds", least=0)
    return given


def _steps(given: Any) -> Iterator[Step]:
    """Yield the steps in order."""
    largest, first = given.sizes[-1], given.seeds[0]
    # An export makes at least 8 samples; training takes the first of them.
    exported = max(largest, given.few_shot, 8)
    options = [f"--steps={given.steps}"] if given.steps else []

    def export(name: str, seed: int, *more: str) -> Step:
        folder = given.work / "samples" / f"{name}-{exported}-{given.heldout}"
        base = ("export", f"--samples={exported}", f"--heldout={given.heldout}")
        command = (*base, f"--seed={seed}", "--out", str(folder), *more)
        return Step(f"samples {folder.name}", command, folder / "card.json")

    def train(samples: Path, out: Path, size: int, seed: int) -> Step:
        base = ("train", "--base", str(given.model), "--data", str(samples), "--out", str(out))
        command = (*base, f"--samples={size}", f"--seed={seed}", *options)
        return Step(f"train {out.parent.name}/{out.name}", command, out / "training.json")

    for seed in given.seeds:
        drawn = export(f"seed-{seed}", seed)
        yield drawn
        samples = drawn.done.parent
        for size in given.sizes:
            yield train(samples, given.work / "adapters" / f"seed-{seed}" / str(size), size, seed)
        if seed == first:
            mixed = export("shuffled", seed, "--shuffle")
            yield mixed
            # Inspect calls a model by its folder: a name of its own.
            out = given.work / "adapters" / f"shuffled-{largest}"
            yield train(mixed.done.parent, out, largest, seed)
        yield _evaluate(given, seed, samples)


def _evaluate(given: Any, seed: int, samples: Path) -> Step:
    """Return the comparison of a seed; that of the first seed has the control and the prompts."""
    adapters = given.work / "adapters"
    curve = ",".join(map(str, [0, *given.sizes]))
    command = ["evaluate", "--before", str(given.model), "--after", str(adapters / f"seed-{seed}")]
    command += [f"--samples={curve}", "--data", str(samples), "--readout=prefill"]
    command += [f"--dilemmas={given.dilemmas}", "--no-side-effects", "--display=plain"]
    command += [f"--max-connections={given.batch}", "--out", str(_comparison(given, seed))]
    if seed == given.seeds[0]:
        largest = given.sizes[-1]
        command += ["--after", f"shuffled {largest}={adapters / f'shuffled-{largest}'}"]
        command += ["--with", f"few-shot:{given.few_shot}", "--with", "stated-values"]
    done = _comparison(given, seed) / "comparison.csv"
    return Step(f"evaluate seed {seed}", tuple(command), done)


def _comparison(given: Any, seed: int) -> Path:
    sizes = "-".join(map(str, given.sizes))
    return Path(given.work, "comparisons", f"seed-{seed}-{sizes}-of-{given.dilemmas}")


def _run(step: Step) -> None:
    """Run a command; a training that was cut off goes on."""
    command = [str(Path(sys.executable).with_name("kidney-evals")), "sft", *step.command]
    out = step.done.parent
    if out.with_name(f"{out.name}.unfinished").exists():
        command.append("--resume")
    subprocess.run(command, check=True, env=os.environ | {"TOKENIZERS_PARALLELISM": "false"})


def _duration(seconds: float) -> str:
    minutes = math.ceil(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"


def _section(given: Any, seconds: float) -> str:
    """Return the section of the page: what was run, the trainings, and a table for each run."""
    reports = list(_trainings(given))
    report = reports[0][1]
    version = load_reference(load_study(DEFAULT_STUDY), "coin_flip").version
    versions = ", ".join(f"{name} {one}" for name, one in report["versions"].items())
    seeds = f"seed{'s' * (len(given.seeds) > 1)} {listed(list(map(str, given.seeds)))}"
    parts = [
        f"## {given.name} on people's answers",
        f"Trained on answers of the human reference (version {version}), drawn from the group's "
        f"shares, half of them with a coin offered; {seeds} of the samples and of the training. "
        f"{given.heldout} held-out samples end each training. Evaluated on {given.dilemmas} other "
        f"dilemmas in both orders: the answer line was begun for the model, and the probabilities "
        "of the answers after it were read (`readout=prefill`). That tells what follows a begun "
        "line, not whether the model would answer, and it is not comparable with sampled answers. "
        f"Made on {date.today():%d %B %Y} by `docs/smollm2_run.py` in {_duration(seconds)} "
        f"({versions}).",
        "In each cell: the value, then the change from the untrained model with its 95 % interval "
        "over dilemmas. One training is one draw: intervals hold neither the choice of the samples "
        "nor the seed. Intervals are not widened for the number of cells.",
        *(f"**{PARTS[part].heading}**\n\n{_figures(given, part)}" for part in CONDITIONS),
        f"**Training** on {report['device']} in {report['dtype']}\n\n{_training_table(reports)}",
    ]
    if (_comparison(given, given.seeds[0]) / "curve-agreement.svg").is_file():
        parts.append(
            f"![Agreement over ceiling by number of training samples, with people's value]({CURVE})"
        )
    return "\n\n".join(parts)


def _trainings(given: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name of each training and its report."""
    adapters, largest = given.work / "adapters", given.sizes[-1]
    places = {
        f"{size}, seed {seed}": adapters / f"seed-{seed}" / str(size)
        for seed in given.seeds
        for size in given.sizes
    }
    places[f"{largest}, shuffled"] = adapters / f"shuffled-{largest}"
    for name, place in places.items():
        report = json.loads((place / "training.json").read_text(encoding="utf-8"))
        yield name, report | {"losses": pd.read_csv(place / "training.csv")["heldout_loss"]}


def _training_table(reports: list[tuple[str, dict[str, Any]]]) -> str:
    head = ("samples", "passes", "kept", "loss before", "loss", "tokens/s", "memory", "time")
    rows = []
    for name, one in reports:
        losses, memory, speed = one["losses"], one["peak_memory_bytes"], one["tokens_per_second"]
        kept = one["kept_pass"]
        rows.append(
            (
                *(name, str(one["passes"]), str(kept), short(losses[0]), short(losses[kept])),
                NOTHING if speed is None else str(speed),
                NOTHING if memory is None else f"{memory / 1e9:.1f} GB",
                _duration(one["seconds"]),
            )
        )
    return str(markdown_table(head, rows, "lrrrrrrr"))


def _figures(given: Any, part: str) -> str:
    """Return the table of a run: a line for people, the untrained model and each arm."""
    columns = COLUMNS[part]
    lines: list[tuple[str, ...]] = []
    for seed in given.seeds:
        table = pd.read_csv(_comparison(given, seed) / "comparison.csv")
        # The rows with a margin are side effects.
        table = table[(table["part"] == part) & table["margin"].isna()]
        for arm, of_arm in table.groupby("arm", sort=False):
            rows = of_arm.set_index("row").to_dict("index")
            if not lines:
                lines.append(_line("people", rows, columns, lambda one: short(one["people"])))
                lines.append(_line("untrained", rows, columns, _untrained))
            name = f"{arm}, seed {seed}" if arm.endswith("samples") else arm
            lines.append(_line(name, rows, columns, _changed))
    heads = ("", *(find(row).label for row in columns))
    return str(markdown_table(heads, lines, "l" + "r" * len(columns)))


def _line(
    name: str, rows: Mapping[str, Row], columns: Sequence[str], cell: Callable[[Row], str]
) -> tuple[str, ...]:
    return name, *(cell(rows[row]) if row in rows else NOTHING for row in columns)


def _untrained(row: Row) -> str:
    ends = interval(row["before_low"], row["before_high"], short)
    return f"{short(row['before'])} {ends}".rstrip()


def _changed(row: Row) -> str:
    if math.isnan(row["change"]):
        return NOTHING
    ends = interval(row["change_low"], row["change_high"], short)
    return f"{short(row['after'])}, {short(row['change'], sign=True)} {ends}"


if __name__ == "__main__":
    main()
