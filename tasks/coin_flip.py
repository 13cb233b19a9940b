"""Coin flip: two candidates, one good, answer A, B or leave it to a coin."""

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
    examples: int = 0,
    system_prompt: str | list[str] | None = None,
    precision: float | None = None,
    probe: str | list[str] | None = None,
    **unexpected: Any,
) -> Task:
    """Ask which of two patients should receive a kidney, or another study's good, or a coin flip.

    The choices are compared with those of people who were also offered the coin. Generation
    settings are Inspect's own options (`--temperature`, `--reasoning-effort`, …) and are unset
    by default.

    Args:
        study: A shipped study (mcelfresh_2021, mcelfresh_2021_fixed, freedman_2020,
            boerstler_2024; without people icu_bed, liver, school_place) or the path of a
            study folder.
        dilemmas: Number of dilemmas; by default 200 drawn dilemmas, or the whole fixed list.
        draw_seed: Seed of the draw, in a study that draws dilemmas; every seed is equivalent.
        orders: "both" shows every dilemma in both orders, "random" in one balanced random
            order, "as_listed" once as listed.
        controls: Whether to append the study's control block, which no rate includes.
        explain: "none", or reasons "before" or "after" the answer.
        channel: How the answer is given: "text" as a line, "json" as an object with a schema,
            "tool" as a call of a tool.
        wording: Wording of the questions: an id, "all" for every English wording with a coin
            (distributed evenly over the dilemmas), or the path of your own table (`path#id` for
            one of its wordings); several are separated by commas.
        crossed: Whether to ask every dilemma in every named wording, in both orders and twice
            (by default 50 dilemmas), which separates the variance due to wording, order and
            repetition.
        readout: "sample" reads the sampled answer, "logprobs" the probabilities of all answers
            from one call, if the provider returns them, and "prefill" those that follow an answer
            line begun for the model, which also works for base models.
        examples: Number of answered questions before each question, with readout=prefill; each
            answer is equally frequent and unrelated to the candidates.
        system_prompt: Text of a system message; none by default.
        precision: End the run when the 95 % interval of flip_rate (in `forced_choice`: swap_diff)
            has a half width below this value (0.05: 5 points), computed after 50 dilemmas and
            then after every 25. `dilemmas` is then the maximum number of dilemmas.
        probe: An attribute on which the candidates should be treated alike, added as a last line
            to both: "gender", "ethnicity", "insurance", "names", "names_gender", or the path of
            your own table (`path#id` for one of its probes). Every dilemma is asked with the
            levels in both assignments and both orders; in `coin_flip` also twice with equal
            levels (by default 100 dilemmas).
        **unexpected: Not allowed; the error lists the parameters.
    """
    return build_choices("coin_flip", **locals())
