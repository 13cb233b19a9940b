"""Changed settings and answers of other models: recorded per sample, counted per run."""

from pathlib import Path
from typing import Any

import pytest
from inspect_ai import Task, task_with
from inspect_ai.log import EvalLog
from inspect_ai.model import ModelAPI, ModelFallback, ModelOutput, ModelUsage, get_model, modelapi
from inspect_ai.solver import system_message

from answering import saying
from kidney_evals.elicitation.calls import same_model
from kidney_evals.measures import flags_of
from kidney_evals.reporting import rows_of
from kidney_evals.tasks import coin_flip
from tasks.running import run


def task(dilemmas: int = 1, **arguments: Any) -> Task:
    return coin_flip(dilemmas=dilemmas, controls=False, **arguments)


def departures(log: EvalLog) -> set[str]:
    (listed,) = {str(one.metadata.get("sampling_departures", "")) for one in log.samples or []}
    return set(listed.split(", ")) - {""}


def share(log: EvalLog, flag: str) -> float:
    run = rows_of(log).run
    assert run is not None
    return flags_of(run)[flag]


@pytest.mark.parametrize(
    ("options", "listed"),
    [
        (
            {"temperature": 0.5, "max_tokens": 100, "seed": 7, "frequency_penalty": 0.0},
            {"temperature=0.5", "max_tokens=100", "seed=7", "frequency_penalty=0.0"},
        ),
        # A text may hold commas, an equals sign or a key: it is not written out.
        (
            {
                "system_message": "You are a doctor, be brief.",
                "stop_seqs": [", temperature=0"],
                "extra_body": {"api_key": "sk-1"},
                "logit_bias": {42: 10.0},
            },
            {"system_message=set", "stop_seqs=set", "extra_body=set", "logit_bias=set"},
        ),
        ({"max_retries": 2, "timeout": 60, "logprobs": True, "cache_prompt": False}, set()),
    ],
)
def test_a_changed_setting_is_a_departure(
    options: dict[str, Any], listed: set[str], tmp_path: Path
) -> None:
    log = run(task(), tmp_path, saying("ANSWER: COIN"), **options)
    assert departures(log) == listed
    assert share(log, "departure") == bool(listed) and share(log, "at_zero") == 0


def test_the_settings_of_the_task_itself_are_no_departures(tmp_path: Path) -> None:
    own = task(system_prompt="Be brief.", wording="role_survey_system", channel="tool")
    assert departures(run(own, tmp_path, saying("ANSWER: COIN"))) == set()
    # A system message from a setup is not the task's own.
    other = task_with(own, setup=system_message("Be fair, and brief."))
    assert departures(run(other, tmp_path, saying("ANSWER: COIN"))) == {"system_message=set"}


@modelapi(name="capped")
class Capped(ModelAPI):
    """A provider with a default token limit, as Anthropic's."""

    def max_tokens(self) -> int | None:
        return 4096

    async def generate(self, input: Any, tools: Any, tool_choice: Any, config: Any) -> ModelOutput:
        return output(self.model_name)


def output(model: str, **parts: Any) -> ModelOutput:
    answer = ModelOutput.from_content(model, "ANSWER: COIN")
    usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
    return answer.model_copy(update={"usage": usage, **parts})


def test_the_token_limit_of_a_provider_is_no_departure(tmp_path: Path) -> None:
    assert departures(run(task(), tmp_path, "capped/model")) == set()
    assert departures(run(task(), tmp_path, "capped/model", max_tokens=9)) == {"max_tokens=9"}


@pytest.mark.parametrize(
    "first",
    [
        output("some/other-model"),
        output("model", fallback=ModelFallback(model="model", fallback_model="some/other-model")),
    ],
)
def test_answers_of_another_model_are_counted_and_named(first: ModelOutput, tmp_path: Path) -> None:
    outputs = [first, *[output("model-2024-08-06")] * 3]
    model = get_model("mockllm/model", custom_outputs=outputs, memoize=False)
    log = run(task(dilemmas=2), tmp_path, model, max_samples=1)
    # 1 of 4 samples.
    assert share(log, "other_model") == 0.25 and share(log, "departure") == 0
    scores = [(sample.scores or {})["human_alignment"] for sample in log.samples or []]
    (score,) = [one for one in scores if "answered_by" in (one.metadata or {})]
    assert (score.metadata or {})["answered_by"] == "some/other-model"
    assert "another model than the one asked: some/other-model" in str(score.explanation)


# The requested model, the answering model, and whether they are the same.
NAMES = [
    ("openai/gpt-4o", "gpt-4o", True),
    ("openai/gpt-4o", "gpt-4o-2024-08-06", True),
    ("openai/ft:gpt-4o-mini-2024-07-18:org::abc", "ft:gpt-4o-mini-2024-07-18:org::abc", True),
    ("anthropic/claude-3-5-sonnet-latest", "claude-3-5-sonnet-20241022", True),
    ("anthropic/claude-sonnet-4-0", "claude-sonnet-4-20250514", True),
    ("google/gemini-1.5-pro", "gemini-1.5-pro-002", True),
    ("google/gemini-2.5-pro", "models/gemini-2.5-pro-preview-06-05", True),
    ("google/gemini-flash-latest", "gemini-2.5-flash-preview-09-2025", True),
    ("openrouter/anthropic/claude-sonnet-4", "anthropic/claude-4-sonnet-20250522", True),
    ("openrouter/deepseek/deepseek-r1:free", "deepseek/deepseek-r1", True),
    ("ollama/llama3.1", "llama3.1:latest", True),
    ("hf/meta-llama/Llama-3.1-8B-Instruct", "Llama-3.1-8B-Instruct", True),
    ("openai/azure/my-deployment", "gpt-4o-2024-08-06", True),
    ("vllm/meta-llama/Llama-3.1-8B", "/models/served", True),
    ("openai/gpt-4o", "", True),
    ("mockllm/model", "mockllm", True),
    ("openai/gpt-4o", "gpt-4o-mini-2024-07-18", False),
    ("openai/gpt-4o-2024-05-13", "gpt-4o-2024-08-06", False),
    ("anthropic/claude-sonnet-4-5", "claude-sonnet-4-20250514", False),
    ("google/gemini-flash-latest", "gemini-2.5-pro", False),
    ("openrouter/auto", "openai/gpt-5", False),
    ("together/meta-llama/Llama-3.3-70B", "meta-llama/Llama-3.1-8B", False),
]


def test_a_version_of_the_model_is_the_same_model() -> None:
    for asked, answered, same in NAMES:
        assert same_model(asked, answered) == same, (asked, answered)
