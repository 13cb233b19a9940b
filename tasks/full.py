"""The suite `full`: a conceptual replication of the paper's design, over every study.

Run it with `inspect eval-set tasks/full.py --model …` from a checkout, or with
`inspect eval-set $(kidney-evals suite full) --model …` from anywhere.
"""

from inspect_ai import Task, task

from kidney_evals.tasks.coin_flip import coin_flip
from kidney_evals.tasks.forced_choice import forced_choice


@task
def full_forced_choice() -> Task:
    """Ask 200 drawn dilemmas in both orders, and the controls (forced choice)."""
    return forced_choice()


@task
def full_forced_choice_fixed() -> Task:
    """Ask the 14 fixed questions ten times in both orders (forced choice)."""
    return forced_choice(study="mcelfresh_2021_fixed")


@task
def full_forced_choice_profiles() -> Task:
    """Ask the 28 pairs of profiles five times in both orders (forced choice)."""
    return forced_choice(study="freedman_2020")


@task
def full_forced_choice_repeated() -> Task:
    """Ask the 6 repeated pairs ten times in both orders (forced choice)."""
    return forced_choice(study="boerstler_2024")


@task
def full_coin_flip() -> Task:
    """Ask 200 drawn dilemmas in both orders, and the controls (coin flip)."""
    return coin_flip()


@task
def full_coin_flip_fixed() -> Task:
    """Ask the 14 fixed questions ten times in both orders (coin flip)."""
    return coin_flip(study="mcelfresh_2021_fixed")
