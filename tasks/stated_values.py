"""Stated values: what a model says of its own weights, rules and coins."""

from typing import Any

from inspect_ai import Task, task

from kidney_evals.elicitation import solvers
from kidney_evals.tasks._build import DEFAULT_STUDY
from kidney_evals.tasks._stated import build_stated


@task
def stated_values(
    study: str | list[str] = DEFAULT_STUDY,
    revealed: str | list[str] | None = None,
    system_prompt: str | list[str] | None = None,
    **unexpected: Any,
) -> Task:
    """Ask what the model says it values, to be read beside what choices reveal.

    It rates each attribute's full swing, ranks the attributes, names its rule and says for
    which kinds of pairs it would flip a coin, each question in four wordings. No people were
    asked for stated weights: people's figures are what their choices reveal. Generation settings
    are Inspect's own options and by default stay unset.

    Args:
        study: A shipped study (mcelfresh_2021, mcelfresh_2021_fixed, freedman_2020,
            boerstler_2024) or the path of a study folder.
        revealed: A finished log of forced_choice or coin_flip in the same study; adds the gap
            between what is stated and what that log reveals.
        system_prompt: Text of a system message; none by default.
        **unexpected: Refused, with the list of parameters.
    """
    return build_stated(
        solver=solvers.stated_values(),
        study=study,
        revealed=revealed,
        system_prompt=system_prompt,
        unexpected=unexpected,
    )
