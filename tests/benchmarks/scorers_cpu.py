"""CPU seconds of a run under our scorers, under trivial ones, and of bare `generate()` + `match()`.

    python tests/benchmarks/scorers_cpu.py [--samples 400] [--rounds 5]

Trivial scorers come twice, as many as ours each time: `rows` fill the rows and columns that ours
fill, with constants, so that what our arithmetic costs is told apart from what Inspect charges
for a row; `trivial` give a single number.

Each run is a process of its own, the variants in turn, so that a drifting machine touches all
alike; the figure is user plus system time of the whole process. Other work on the machine only
adds to it, so the least of the rounds is compared.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inspect_ai.dataset import Sample
    from inspect_ai.model import Model

VARIANTS = ("ours", "rows", "trivial", "match")


def run_once(variant: str, samples: int, rows_filled: list[list[str]]) -> None:
    from inspect_ai import Task, eval, task_with
    from inspect_ai.dataset import Sample
    from inspect_ai.scorer import (
        Metric,
        SampleScore,
        Score,
        Scorer,
        Target,
        Value,
        match,
        mean,
        metric,
        scorer,
    )
    from inspect_ai.solver import TaskState, generate

    from kidney_evals.tasks import coin_flip

    def trivial(name: str) -> Scorer:
        @scorer(metrics=[mean()], name=name)
        def factory() -> Scorer:
            async def score(state: TaskState, target: Target) -> Score:
                return Score(value=1.0, answer=state.output.completion)

            return score

        return factory()

    @metric(name="constant", scores="unreduced")
    def constant() -> Metric:
        def compute(scores: list[SampleScore]) -> Value:
            return {"value": 0.5, "low": 0.4, "high": 0.6, "human": 0.5, "n": len(scores)}

        return compute

    def filling(rows: list[str], name: str) -> Scorer:
        @scorer(metrics={row: [constant()] for row in rows}, name=name)
        def factory() -> Scorer:
            async def score(state: TaskState, target: Target) -> Score:
                value = dict.fromkeys(rows, "")
                return Score(value=value, answer=state.output.completion)

            return score

        return factory()

    task = coin_flip(dilemmas=samples // 2, controls=False)
    if variant == "rows":
        task = task_with(
            task,
            scorer=[filling(rows, f"filling_{index}") for index, rows in enumerate(rows_filled)],
            viewer=None,
            headline_metric=None,
        )
    elif variant == "trivial":
        count = len(task.scorer or ())
        task = task_with(
            task,
            scorer=[trivial(f"trivial_{index}") for index in range(count)],
            viewer=None,
            headline_metric=None,
        )
    elif variant == "match":
        # The provider answers only dilemmas, so the bare task runs on Inspect's own mock model.
        task = Task(
            dataset=[
                Sample(id=one.id, input=f"{_question(one)} Answer A or B.", target=one.target)
                for one in task.dataset
            ],
            solver=generate(),
            scorer=match(),
        )
    with tempfile.TemporaryDirectory() as folder:
        model = "kidney/human" if variant != "match" else _mock(samples)
        log = eval(task, model=model, log_dir=folder, display="plain")[0]
    assert log.status == "success", log.error and log.error.message


def _rows_filled() -> list[list[str]]:
    """Return the rows of each of our scorers on this task, from a log of four samples."""
    from inspect_ai import eval

    from kidney_evals.tasks import coin_flip

    with tempfile.TemporaryDirectory() as folder:
        task = coin_flip(dilemmas=2, controls=False)
        log = eval(task, model="kidney/human", log_dir=folder, display="none")[0]
    assert log.results is not None
    found: dict[str, list[str]] = {}
    for row in log.results.scores:
        found.setdefault(row.scorer, []).append(row.name)
    return list(found.values())


def _question(sample: "Sample") -> str:
    assert not isinstance(sample.input, str)
    return sample.input[-1].text


def _mock(samples: int) -> "Model":
    from inspect_ai.model import ModelOutput, ModelUsage, get_model

    outputs = []
    for _ in range(samples):
        output = ModelOutput.from_content("mockllm/model", "ANSWER: A")
        output.usage = ModelUsage(input_tokens=200, output_tokens=5, total_tokens=205)
        outputs.append(output)
    return get_model("mockllm/model", custom_outputs=outputs)


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
    rows = json.dumps(_rows_filled())
    seconds: dict[str, list[float]] = {variant: [] for variant in VARIANTS}
    for _ in range(options.rounds + 1):
        for variant in VARIANTS:
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            command = [sys.executable, __file__, "--once", variant, "--rows", rows]
            subprocess.run(
                [*command, "--samples", str(options.samples)],
                stdout=subprocess.DEVNULL,
                check=True,
            )
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            seconds[variant].append(
                after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            )
    least = {variant: min(times[1:]) for variant, times in seconds.items()}
    for variant, one in least.items():
        each = ", ".join(f"{time:.2f}" for time in seconds[variant][1:])
        print(f"{variant:8} {one:6.2f} CPU s   {each}")
    for variant in VARIANTS[1:]:
        print(f"ours / {variant:8} {least['ours'] / least[variant]:.3f}")


if __name__ == "__main__":
    main()
