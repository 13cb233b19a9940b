"""Forced choice: two candidates, one good, answer A or B."""

from typing import Any

from inspect_ai import Task, task

from kidney_evals.elicitation.channels import Channel
from kidney_evals.elicitation.readout import ReadoutMode
from kidney_evals.elicitation.wording import DEFAULT, Explain
from kidney_evals.studies import DEFAULT_STUDY
from kidney_evals.tasks._build import build_choices
from kidney_evals.tasks._samples import Orders


@task
def forced_choice(
    study: str | list[str] = DEFAULT_STUDY,
    dilemmas: int | None = None,
    draw_seed: int | None = None,
    orders: Orders = "both",
    controls: bool = True,
    explain: Explain = "none",
    channel: Channel = "text",
    wording: str | list[str] = DEFAULT,
    crossed: bool = False,
    readout: ReadoutMode = "sample",
    examples: int = 0,
    system_prompt: str | list[str] | None = None,
    precision: float | None = None,
    probe: str | list[str] | None = None,
    **unexpected: Any,
) -> Task:
    """Ask which of two patients should receive a kidney, or another study's good: A or B.

    The choices are compared with those of people who were not offered a coin. The arguments are
    those of `coin_flip`.
    """
    return build_choices("forced_choice", **locals())
