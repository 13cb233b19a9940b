"""Coin flip: two patients, one kidney, answer A, B or leave it to a coin."""

from typing import Any

from inspect_ai import Task, task

from kidney_evals.elicitation.channels import Channel
from kidney_evals.elicitation.readout import ReadoutMode
from kidney_evals.elicitation.wording import DEFAULT, Explain
from kidney_evals.studies import DEFAULT_STUDY
from kidney_evals.tasks._build import build_choices
from kidney_evals.tasks._samples import Orders


@task
def coin_flip(
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
    system_prompt: str | list[str] | None = None,
    precision: float | None = None,
    **unexpected: Any,
) -> Task:
    """Ask which of two patients should receive a kidney, with a coin flip as a third answer.

    The choices are read beside those of people who were offered the coin too. Generation
    settings are Inspect's own options (`--temperature`, `--reasoning-effort`, …) and by
    default stay unset.

    Args:
        study: A shipped study (mcelfresh_2021, mcelfresh_2021_fixed, freedman_2020,
            boerstler_2024) or the path of a study folder.
        dilemmas: How many dilemmas; by default 200 drawn ones, or all of a fixed list.
        draw_seed: Which draw of a study that draws; another seed is an equivalent form.
        orders: "both" shows every dilemma in both orders, "random" in one balanced random
            order, "as_listed" once as listed.
        controls: Whether to append the study's control block, which enters no rate.
        explain: "none", or reasons "before" or "after" the answer.
        channel: How the answer is given: "text" as a line, "json" as an object with a schema,
            "tool" as a call of a tool.
        wording: How the dilemmas are put: the id of a wording, "all" for every English one with a
            coin (dealt evenly over the dilemmas), or the path of a table of your own (`path#id`
            for one wording of it); several with commas between.
        crossed: Whether to put every dilemma in every wording named, in both orders and twice
            (50 dilemmas unless told otherwise), which tells the variance of wording, order and
            repetition apart.
        readout: "sample" reads the answer that was drawn, "logprobs" the probabilities of all
            answers from one call, where the provider gives them.
        system_prompt: Text of a system message; none by default.
        precision: Ask no more dilemmas once flip_rate (in `forced_choice` swap_diff) is known to
            within this (0.05: 5 points), looking every 25 from 50 on; `dilemmas` is then the most
            that are asked.
        **unexpected: Refused, with the list of parameters.
    """
    return build_choices("coin_flip", **locals())
