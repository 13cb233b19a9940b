"""Changed settings and answers of other models: recorded per sample, counted per run."""

from pathlib import Path
from typing import Any

import pytest
from inspect_ai import Task, eval, task_with
from inspect_ai.log import EvalLog
from inspect_ai.model import (
    GenerateConfig,
    ModelAPI,
    ModelFallback,
    ModelOutput,
    ModelUsage,
    get_model,
    modelapi,
)
from inspect_ai.solver import system_message

from answering import saying
from kidney_evals import tasks
from kidney_evals.elicitation.calls import SAME_ANSWERS, same_model
from kidney_evals.measures import flags_of
from kidney_evals.reporting import rows_of


def run(folder: Path, *, task: Task | None = None, model: Any = None, **options: Any) -> EvalLog:
    (log,) = eval(
        task or tasks.coin_flip(dilemmas=1, controls=False),
        model=model or saying("ANSWER: COIN"),
        log_dir=str(folder),
        **options,
    )
    assert log.status == "success", log.error
    return log


def departures(log: EvalLog) -> set[str]:
    return {str(sample.metadata.get("sampling_departures", "")) for sample in log.samples or []}


def share(log: EvalLog, flag: str) -> float:
    run = rows_of(log).run
    assert run is not None
    return flags_of(run)[flag]


CHANGED: list[tuple[dict[str, Any], set[str]]] = [
    ({"temperature": 0.5}, {"temperature=0.5"}),
    ({"max_tokens": 100}, {"max_tokens=100"}),
    ({"system_message": "You are a doctor, be brief."}, {"system_message=set"}),
    # A text may hold commas, an equals sign or a key: it is not written out.
    ({"stop_seqs": [", temperature=0"]}, {"stop_seqs=set"}),
    ({"extra_body": {"api_key": "sk-1"}}, {"extra_body=set"}),
    ({"seed": 7, "verbosity": "low", "effort": "max"}, {"seed=7", "verbosity=low", "effort=max"}),
    (
        {"reasoning_effort": "none", "reasoning_tokens": 1024, "reasoning_history": "all"},
        {"reasoning_effort=none", "reasoning_tokens=1024", "reasoning_history=all"},
    ),
    (
        {"top_p": 0.9, "top_k": 5, "frequency_penalty": 0.0, "presence_penalty": 1.0},
        {"top_p=0.9", "top_k=5", "frequency_penalty=0.0", "presence_penalty=1.0"},
    ),
    (
        {"logit_bias": {42: 10.0}, "num_choices": 2, "best_of": 3},
        {"logit_bias=set", "num_choices=2", "best_of=3"},
    ),
]


@pytest.mark.parametrize(("options", "listed"), CHANGED)
def test_a_changed_setting_is_a_departure(
    options: dict[str, Any], listed: set[str], tmp_path: Path
) -> None:
    log = run(tmp_path, **options)
    (found,) = departures(log)
    assert set(found.split(", ")) == listed
    assert share(log, "departure") == 1
    assert share(log, "at_zero") == 0


def test_settings_that_change_no_answer_are_none(tmp_path: Path) -> None:
    log = run(
        tmp_path, max_retries=2, timeout=60, max_connections=3, logprobs=True, cache_prompt=False
    )
    assert departures(log) == {""}
    assert share(log, "departure") == 0


def test_a_setting_that_inspect_adds_later_counts() -> None:
    # The list names what is harmless, so that a name which is not on it counts.
    harmless = {"timeout", "max_retries", "max_connections", "logprobs", "top_logprobs", "cache"}
    assert harmless <= SAME_ANSWERS & GenerateConfig.model_fields.keys()
    assert not SAME_ANSWERS & {name for options, _ in CHANGED for name in options}


@pytest.mark.parametrize(
    ("arguments", "listed"),
    [
        ({"system_prompt": "You are a doctor, be brief."}, ""),
        ({"wording": "role_survey_system"}, ""),
        ({"channel": "json"}, ""),
        ({"channel": "tool"}, ""),
    ],
)
def test_what_the_task_itself_needs_is_none(
    arguments: dict[str, Any], listed: str, tmp_path: Path
) -> None:
    task = tasks.coin_flip(dilemmas=1, controls=False, **arguments)
    assert departures(run(tmp_path, task=task)) == {listed}


@pytest.mark.parametrize("own", [None, "You are a doctor."])
def test_a_system_message_from_a_setup_is_a_departure(own: str | None, tmp_path: Path) -> None:
    task = tasks.coin_flip(dilemmas=1, controls=False, system_prompt=own)
    log = run(tmp_path, task=task_with(task, setup=system_message("Be fair, and brief.")))
    assert departures(log) == {"system_message=set"}


@modelapi(name="capped")
class Capped(ModelAPI):
    """A provider that limits answers where the user does not, as Anthropic's does."""

    def max_tokens(self) -> int | None:
        return 4096

    async def generate(self, input: Any, tools: Any, tool_choice: Any, config: Any) -> ModelOutput:
        return output(self.model_name)


def output(model: str, **parts: Any) -> ModelOutput:
    answer = ModelOutput.from_content(model, "ANSWER: COIN")
    usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
    return answer.model_copy(update={"usage": usage, **parts})


@pytest.mark.parametrize(("options", "listed"), [({}, ""), ({"max_tokens": 9}, "max_tokens=9")])
def test_a_limit_that_inspect_sets_for_a_provider_is_none(
    options: dict[str, Any], listed: str, tmp_path: Path
) -> None:
    assert departures(run(tmp_path, model="capped/model", **options)) == {listed}


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
    task = tasks.coin_flip(dilemmas=2, controls=False)
    log = run(tmp_path, task=task, model=model, max_samples=1)
    # 1 of 4 samples.
    assert share(log, "other_model") == 0.25
    assert share(log, "departure") == 0
    (score,) = [
        score
        for sample in log.samples or []
        for name, score in (sample.scores or {}).items()
        if name == "answers" and "answered_by" in (score.metadata or {})
    ]
    assert (score.metadata or {})["answered_by"] == "some/other-model"
    assert "another model than the one asked: some/other-model" in str(score.explanation)


SAME = [
    ("openai/gpt-4o", "gpt-4o"),
    ("openai/gpt-4o", "gpt-4o-2024-08-06"),
    ("openai/gpt-4-turbo", "gpt-4-turbo-2024-04-09"),
    ("openai/gpt-4", "gpt-4-0613"),
    ("openai/o1", "o1-2024-12-17"),
    ("openai/ft:gpt-4o-mini-2024-07-18:org::abc", "ft:gpt-4o-mini-2024-07-18:org::abc"),
    ("anthropic/claude-3-5-sonnet-latest", "claude-3-5-sonnet-20241022"),
    ("anthropic/claude-sonnet-4-0", "claude-sonnet-4-20250514"),
    ("anthropic/claude-sonnet-4-5", "claude-sonnet-4-5-20250929"),
    ("google/gemini-1.5-pro", "gemini-1.5-pro-002"),
    ("google/gemini-2.5-pro", "models/gemini-2.5-pro-preview-06-05"),
    ("google/gemini-flash-latest", "gemini-2.5-flash-preview-09-2025"),
    ("mistral/mistral-large-latest", "mistral-large-2411"),
    ("grok/grok-4", "grok-4-0709"),
    ("openrouter/anthropic/claude-sonnet-4", "anthropic/claude-4-sonnet-20250522"),
    ("openrouter/deepseek/deepseek-r1:free", "deepseek/deepseek-r1"),
    ("ollama/llama3.1", "llama3.1:latest"),
    ("together/meta-llama/Llama-3.3-70B-Instruct-Turbo",
     "meta-llama/Llama-3.3-70B-Instruct-Turbo"),
    ("hf/meta-llama/Llama-3.1-8B-Instruct", "Llama-3.1-8B-Instruct"),
    ("openai/azure/my-deployment", "gpt-4o-2024-08-06"),
    ("azureai/my-deployment", "gpt-4o"),
    ("vllm/meta-llama/Llama-3.1-8B", "/models/served"),
    ("openai/gpt-4o", ""),
    ("mockllm/model", "mockllm"),
]  # fmt: skip
OTHER = [
    ("openai/gpt-4o", "gpt-4o-mini-2024-07-18"),
    ("openai/gpt-4o-2024-05-13", "gpt-4o-2024-08-06"),
    ("openai/gpt-5", "gpt-5-mini"),
    ("openai/gpt-5", "gpt-4o"),
    ("openai/gpt-4", "gpt-4-turbo"),
    ("anthropic/claude-opus-4-1", "claude-sonnet-4-20250514"),
    ("anthropic/claude-sonnet-4-5", "claude-sonnet-4-20250514"),
    ("google/gemini-2.5-pro", "gemini-2.5-flash"),
    ("google/gemini-flash-latest", "gemini-2.5-pro"),
    ("openrouter/auto", "openai/gpt-5"),
    ("openrouter/openai/gpt-4o", "openai/gpt-4o-mini"),
    ("together/meta-llama/Llama-3.3-70B", "meta-llama/Llama-3.1-8B"),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "answered"), SAME)
def test_a_version_of_the_model_asked_is_the_same_model(asked: str, answered: str) -> None:
    assert same_model(asked, answered)


@pytest.mark.parametrize(("asked", "answered"), OTHER)
def test_another_model_is_told_by_its_name(asked: str, answered: str) -> None:
    assert not same_model(asked, answered)
