"""Time the estimators: `python tests/benchmarks/estimation_speed.py`.

The fits are as large as those of people's answers: 5,297 answers of 132 people, drawn here from the
shipped latent classes. The fastest of five rounds counts, without a first fit that imports scipy.
"""

import time
from collections.abc import Callable

import numpy as np

from kidney_evals.estimation.indecision_family import fit_indecision_family
from kidney_evals.estimation.latent import fit_latent
from kidney_evals.estimation.logit import fit_logit
from kidney_evals.estimation.random_coefficients import fit_random_coefficients
from kidney_evals.estimation.ties import fit_davidson, fit_rao_kupper
from kidney_evals.estimation.two_stage import fit_two_stage
from kidney_evals.human.reference import load_reference
from kidney_evals.lab.drawn_models import favoured_values
from kidney_evals.studies import dilemmas_of, load_study

ANSWERS, PEOPLE, ROUNDS = 5297, 132, 5


def main() -> None:
    study = load_study("mcelfresh_2021")
    latent = load_reference(study, "coin_flip").latent
    assert latent is not None
    rng = np.random.default_rng(1)
    people = np.sort(np.arange(ANSWERS) % PEOPLE)
    listed = dilemmas_of(study, ANSWERS, 77)
    sides = ([getattr(one, side).values for one in listed] for side in ("first", "second"))
    first, second = (
        favoured_values(study, dict(zip(study.attribute_ids, np.array(side).T, strict=True)))
        for side in sides
    )
    x = first - second
    classes = rng.choice(len(latent.shares), PEOPLE, p=latent.shares)[people]
    shares = latent.predict(x)[classes, np.arange(ANSWERS)]
    choice = (rng.random((ANSWERS, 1)) > shares.cumsum(axis=1)[:, :-1]).sum(axis=1)
    decided = choice != 2

    fits: dict[str, Callable[[], object]] = {
        "logit": lambda: fit_logit(x[decided], choice[decided] == 0, clusters=people[decided]),
        "two-stage": lambda: fit_two_stage(x, choice, clusters=people),
        "Davidson": lambda: fit_davidson(x, choice, clusters=people),
        "Rao-Kupper": lambda: fit_rao_kupper(x, choice, clusters=people),
        "six models and three, with starts": lambda: fit_indecision_family(first, second, choice),
        "four latent classes": lambda: fit_latent(x, choice, people, 4, model="two_stage"),
        "random coefficients, diagonal": lambda: fit_random_coefficients(
            x, choice, people, model="davidson"
        ),
    }
    print(f"{f'{ANSWERS:,} answers':36}{'ms':>10}")
    for name, fit in fits.items():
        fit()
        seconds = []
        for _ in range(ROUNDS):
            start = time.perf_counter()
            fit()
            seconds.append(time.perf_counter() - start)
        print(f"{name:36}{1000 * min(seconds):10.1f}", flush=True)


if __name__ == "__main__":
    main()
