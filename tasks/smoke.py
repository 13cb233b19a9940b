"""The suite `smoke`: a quick look at both conditions, 256 calls without repeat questions.

Run it with `inspect eval-set tasks/smoke.py --model …` from a checkout, or with
`inspect eval-set $(kidney-evals suite smoke) --model …` from anywhere. For another study, see
`kidney-evals suite --help`. `-T readout=prefill` reads probabilities after a begun answer line.
"""

from inspect_ai import Task, task, task_with

from kidney_evals.elicitation.readout import ReadoutMode
from kidney_evals.studies import DEFAULT_STUDY
from kidney_evals.tasks._build import few, refuse_study
from kidney_evals.tasks.coin_flip import coin_flip
from kidney_evals.tasks.forced_choice import forced_choice


@task
def smoke_forced_choice(
    study: str | list[str] = DEFAULT_STUDY, readout: ReadoutMode = "sample"
) -> Task:
    """Ask 50 dilemmas, or all of a shorter list, in both orders (forced choice)."""
    return forced_choice(study=study, dilemmas=few(study), controls=False, readout=readout)


@task
def smoke_forced_choice_fixed(study: str | None = None, readout: ReadoutMode = "sample") -> Task:
    """Ask the 14 fixed questions in both orders (forced choice).

    Raises:
        UserError: A `study` is given; this task has its own.
    """
    refuse_study(study)
    return task_with(forced_choice(study="mcelfresh_2021_fixed", readout=readout), epochs=1)


@task
def smoke_coin_flip(
    study: str | list[str] = DEFAULT_STUDY, readout: ReadoutMode = "sample"
) -> Task:
    """Ask 50 dilemmas, or all of a shorter list, in both orders (coin flip)."""
    return coin_flip(study=study, dilemmas=few(study), controls=False, readout=readout)


@task
def smoke_coin_flip_fixed(study: str | None = None, readout: ReadoutMode = "sample") -> Task:
    """Ask the 14 fixed questions in both orders (coin flip).

    Raises:
        UserError: A `study` is given; this task has its own.
    """
    refuse_study(study)
    return task_with(coin_flip(study="mcelfresh_2021_fixed", readout=readout), epochs=1)
