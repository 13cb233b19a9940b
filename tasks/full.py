"""The suite `full`: a conceptual replication of the paper, over all studies with people.

The paper is "Who Gets the Kidney?" (Dickerson et al. 2026). Run the suite with
`inspect eval-set tasks/full.py --model …` from a checkout, or with
`inspect eval-set $(kidney-evals suite full) --model …` from anywhere. For another study, see
`kidney-evals suite --help`. `-T readout=prefill` reads probabilities after a begun answer line.
"""

from inspect_ai import Task, task

from kidney_evals.elicitation.readout import ReadoutMode
from kidney_evals.studies import DEFAULT_STUDY
from kidney_evals.tasks._build import refuse_study
from kidney_evals.tasks.coin_flip import coin_flip
from kidney_evals.tasks.forced_choice import forced_choice


@task
def full_forced_choice(
    study: str | list[str] = DEFAULT_STUDY, readout: ReadoutMode = "sample"
) -> Task:
    """Ask 200 drawn dilemmas in both orders, and the controls (forced choice).

    Another `study` is asked as the task `forced_choice` asks it.
    """
    return forced_choice(study=study, readout=readout)


@task
def full_forced_choice_fixed(study: str | None = None, readout: ReadoutMode = "sample") -> Task:
    """Ask the 14 fixed questions ten times in both orders (forced choice).

    With `logprobs` or `prefill`, each is asked once in each order.

    Raises:
        UserError: A `study` is given; this task has its own.
    """
    refuse_study(study)
    return forced_choice(study="mcelfresh_2021_fixed", readout=readout)


@task
def full_forced_choice_profiles(study: str | None = None, readout: ReadoutMode = "sample") -> Task:
    """Ask the 28 pairs of profiles five times in both orders (forced choice).

    With `logprobs` or `prefill`, each is asked once in each order.

    Raises:
        UserError: A `study` is given; this task has its own.
    """
    refuse_study(study)
    return forced_choice(study="freedman_2020", readout=readout)


@task
def full_forced_choice_repeated(study: str | None = None, readout: ReadoutMode = "sample") -> Task:
    """Ask the 6 repeated pairs ten times in both orders (forced choice).

    With `logprobs` or `prefill`, each is asked once in each order.

    Raises:
        UserError: A `study` is given; this task has its own.
    """
    refuse_study(study)
    return forced_choice(study="boerstler_2024", readout=readout)


@task
def full_coin_flip(study: str | list[str] = DEFAULT_STUDY, readout: ReadoutMode = "sample") -> Task:
    """Ask 200 drawn dilemmas in both orders, and the controls (coin flip).

    Another `study` is asked as the task `coin_flip` asks it.
    """
    return coin_flip(study=study, readout=readout)


@task
def full_coin_flip_fixed(study: str | None = None, readout: ReadoutMode = "sample") -> Task:
    """Ask the 14 fixed questions ten times in both orders (coin flip).

    With `logprobs` or `prefill`, each is asked once in each order.

    Raises:
        UserError: A `study` is given; this task has its own.
    """
    refuse_study(study)
    return coin_flip(study="mcelfresh_2021_fixed", readout=readout)
