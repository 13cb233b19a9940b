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
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inspect_ai import Task
    from inspect_ai.log import EvalLog
    from inspect_ai.scorer import Scorer

VARIANTS = ("ours", "rows", "trivial", "match")


def run_once(variant: str, samples: int, rows: list[list[str]]) -> None:
    from inspect_ai import Task, task_with
    from inspect_ai.dataset import Sample
    from inspect_ai.model import ModelOutput, ModelUsage, get_model
    from inspect_ai.scorer import match
    from inspect_ai.solver import generate

    from kidney_evals.tasks import coin_flip

    task, model = coin_flip(dilemmas=samples // 2, controls=False), "kidney/human"
    without: dict[str, Any] = {"viewer": None, "headline_metric": None}
    if variant in ("rows", "trivial"):
        scorers = [constant(each if variant == "rows" else [], i) for i, each in enumerate(rows)]
        task = task_with(task, scorer=scorers, **without)
    if variant != "match":
        run(task, model, "plain")
        return
    # The provider answers only dilemmas, so the bare task runs on Inspect's own mock model.
    questions = [(one, one.input[-1]) for one in task.dataset]
    dataset = [
        Sample(id=one.id, input=f"{getattr(last, 'text', last)} Answer A or B.", target=one.target)
        for one, last in questions
    ]
    output = ModelOutput.from_content("mockllm/model", "ANSWER: A")
    output.usage = ModelUsage(input_tokens=200, output_tokens=5, total_tokens=205)
    copies = [output.model_copy(deep=True) for _ in range(samples)]
    mock = get_model("mockllm/model", custom_outputs=copies)
    run(Task(dataset=dataset, solver=generate(), scorer=match()), mock, "plain")


def run(task: "Task", model: Any, display: Any) -> "EvalLog":
    from inspect_ai import eval

    with tempfile.TemporaryDirectory() as folder:
        log = eval(task, model=model, log_dir=folder, display=display)[0]
    assert log.status == "success", log.error and log.error.message
    return log


def constant(rows: list[str], index: int) -> "Scorer":
    """Return a scorer that fills rows with constants, or gives a single number without rows."""
    from inspect_ai.scorer import Metric, SampleScore, Score, Scorer, Target, Value, metric, scorer
    from inspect_ai.scorer import mean as mean_of
    from inspect_ai.solver import TaskState

    @metric(name="constant", scores="unreduced")
    def columns() -> Metric:
        def compute(scores: list[SampleScore]) -> Value:
            return {"value": 0.5, "low": 0.4, "high": 0.6, "human": 0.5, "n": len(scores)}

        return compute

    @scorer(
        metrics={row: [columns()] for row in rows} if rows else [mean_of()],
        name=f"constant_{index}",
    )
    def factory() -> Scorer:
        async def score(state: TaskState, target: Target) -> Score:
            value = dict.fromkeys(rows, "") if rows else 1.0
            return Score(value=value, answer=state.output.completion)

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
    log = run(coin_flip(dilemmas=2, controls=False), "kidney/human", "none")
    found: dict[str, list[str]] = {}
    for row in log.results.scores if log.results else ():
        found.setdefault(row.scorer, []).append(row.name)
    command = [sys.executable, __file__, "--rows", json.dumps(list(found.values()))]
    command += ["--samples", str(options.samples), "--once"]
    seconds: dict[str, list[float]] = {variant: [] for variant in VARIANTS}
    for _ in range(options.rounds + 1):
        for variant in VARIANTS:
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([*command, variant], stdout=subprocess.DEVNULL, check=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            seconds[variant].append(used)
    least = {variant: min(times[1:]) for variant, times in seconds.items()}
    for variant, one in least.items():
        each = ", ".join(f"{time:.2f}" for time in seconds[variant][1:])
        print(f"{variant:8} {one:6.2f} CPU s   {each}")
    for variant in VARIANTS[1:]:
        print(f"ours / {variant:8} {least['ours'] / least[variant]:.3f}")


if __name__ == "__main__":
    main()
