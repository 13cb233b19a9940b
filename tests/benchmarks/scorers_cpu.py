"""Compare CPU seconds: our scorers, scorers of constants, and bare `generate()` + `match()`.

    python tests/benchmarks/scorers_cpu.py [--samples 400] [--rounds 5]

`ours` is `coin_flip`. In `rows`, as many scorers fill the same rows and columns with constants,
which tells what our arithmetic costs apart from what Inspect charges for a row. `match` is a bare
task with questions of the same length; it builds no task of this package. Inspect's mock model
answers all three at random.

Each run is a process of its own, the variants in turn, so that a drifting machine touches all
alike; the figure is user plus system time of the whole process. Other work on the machine only
adds to it, so the least of the rounds is compared, beside the median.
"""

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inspect_ai import Task
    from inspect_ai.log import EvalLog
    from inspect_ai.model import Model
    from inspect_ai.scorer import Scorer

VARIANTS = ("ours", "rows", "match")

_CHARACTERS = 727
"""Length of a question of `coin_flip`."""


def run_once(variant: str, samples: int, rows: list[list[str]]) -> None:
    if variant == "match":
        run(bare_task(samples), "plain")
        return
    from inspect_ai import task_with

    from kidney_evals.tasks import coin_flip

    task = coin_flip(dilemmas=samples // 2, controls=False)
    without: dict[str, Any] = {"viewer": None, "headline_metric": None}
    if variant == "rows":
        scorers = [constant(each, index) for index, each in enumerate(rows)]
        task = task_with(task, scorer=scorers, **without)
    run(task, "plain")


def bare_task(samples: int) -> "Task":
    from inspect_ai import Task
    from inspect_ai.dataset import Sample
    from inspect_ai.scorer import match
    from inspect_ai.solver import generate

    text = "Which of two patients should receive the kidney, A or B? " * _CHARACTERS
    dataset = [Sample(id=i, input=f"{i}. {text}"[:_CHARACTERS], target="A") for i in range(samples)]
    return Task(dataset=dataset, solver=generate(), scorer=match())


def mock_model() -> "Model":
    """Return a model that answers at random, a fifth of the questions with the coin."""
    from inspect_ai.model import ModelOutput, ModelUsage, get_model

    random.seed(0)

    def answer(*_: object) -> ModelOutput:
        text = f"ANSWER: {random.choice(('A', 'A', 'B', 'B', 'COIN'))}"
        output = ModelOutput.from_content("mockllm/model", text)
        output.usage = ModelUsage(input_tokens=200, output_tokens=5, total_tokens=205)
        return output

    return get_model("mockllm/model", custom_outputs=answer)


def run(task: "Task", display: Any) -> "EvalLog":
    from inspect_ai import eval

    with tempfile.TemporaryDirectory() as folder:
        log = eval(task, model=mock_model(), log_dir=folder, display=display)[0]
    assert log.status == "success", log.error and log.error.message
    return log


def constant(rows: list[str], index: int) -> "Scorer":
    """Return a scorer that fills rows with constants."""
    from inspect_ai.scorer import Metric, SampleScore, Score, Scorer, Target, Value, metric, scorer
    from inspect_ai.solver import TaskState

    @metric(name="constant", scores="unreduced")
    def columns() -> Metric:
        def compute(scores: list[SampleScore]) -> Value:
            return {"value": 0.5, "low": 0.4, "high": 0.6, "human": 0.5, "n": len(scores)}

        return compute

    @scorer(metrics={row: [columns()] for row in rows}, name=f"constant_{index}")
    def factory() -> Scorer:
        async def score(state: TaskState, target: Target) -> Score:
            return Score(value=dict.fromkeys(rows, ""), answer=state.output.completion)

        return score

    return factory()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--once", choices=VARIANTS)
    parser.add_argument("--rows", type=json.loads, default=[])
    options = parser.parse_args()
    if options.once:
        run_once(options.once, options.samples, options.rows)
        return
    from kidney_evals.tasks import coin_flip

    # The rows of each of our scorers on this task.
    log = run(coin_flip(dilemmas=2, controls=False), "none")
    found: dict[str, list[str]] = {}
    for row in log.results.scores if log.results else ():
        found.setdefault(row.scorer, []).append(row.name)
    command = [sys.executable, __file__, "--rows", json.dumps(list(found.values()))]
    command += ["--samples", str(options.samples), "--once"]
    # Compiled modules are kept, as after an installation: else each run would compile this package.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    seconds: dict[str, list[float]] = {variant: [] for variant in VARIANTS}
    for _ in range(options.rounds + 1):
        for variant in VARIANTS:
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            run_it = [*command, variant]
            subprocess.run(run_it, stdout=subprocess.DEVNULL, check=True, env=environment)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            seconds[variant].append(used)
    for name, of in (("least", min), ("median", statistics.median)):
        each = {variant: of(times[1:]) for variant, times in seconds.items()}
        for variant, one in each.items():
            beside = f"{one / each['match']:.3f} times match"
            print(f"{name:6} {variant:8} {one:6.2f} CPU s   {beside}")


if __name__ == "__main__":
    main()
