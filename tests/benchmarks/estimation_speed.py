"""Seconds and memory of the estimators and of a large run's rows.

    python tests/benchmarks/estimation_speed.py [--rounds 5] [--only fits|rows]

Fits are those of people's answers in size: 5,297 answers of 132 people, here drawn from the shipped
latent classes so that no raw row is needed; the least of the rounds counts, the first not (it
imports scipy). Rows are every row of a run, each measured once with its 1,000 resamples, in a
process of its own so that the peak of the resident memory is that of the run.
"""

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from kidney_evals.studies import Patient

DESIGNS = ((200, 250), (2_000, 25), (20_000, 3))
"""Dilemmas, and repetitions of both orders."""


def time_fits(rounds: int) -> None:
    import numpy as np

    from kidney_evals.estimation.indecision_family import fit_indecision_family
    from kidney_evals.estimation.latent import fit_latent
    from kidney_evals.estimation.logit import fit_logit
    from kidney_evals.estimation.random_coefficients import fit_random_coefficients
    from kidney_evals.estimation.ties import fit_davidson, fit_rao_kupper
    from kidney_evals.estimation.two_stage import fit_two_stage
    from kidney_evals.human.reference import load_reference
    from kidney_evals.studies import dilemmas_of, load_study

    study = load_study("mcelfresh_2021")
    latent = load_reference(study, "coin_flip").latent
    assert latent is not None
    rng = np.random.default_rng(1)
    people = np.sort(np.arange(5297) % 132)
    listed = dilemmas_of(study, 5297, 77)

    def favoured(patients: "list[Patient]") -> "NDArray[np.float64]":
        values = np.array([one.values for one in patients], dtype=np.float64).T
        columns = zip(study.attributes, values, strict=True)
        return np.column_stack([[a.favour(value) for value in column] for a, column in columns])

    first = favoured([one.first for one in listed])
    second = favoured([one.second for one in listed])
    x = first - second
    member = rng.choice(len(latent.shares), 132, p=latent.shares)[people]
    shares = latent.predict(x)[member, np.arange(5297)]
    choice = (rng.random((5297, 1)) > shares.cumsum(axis=1)[:, :-1]).sum(axis=1)
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
    print(f"{'5,297 answers':36}{'ms':>10}")
    for name, fit in fits.items():
        fit()
        seconds = []
        for _ in range(rounds):
            start = time.perf_counter()
            fit()
            seconds.append(time.perf_counter() - start)
        print(f"{name:36}{1000 * min(seconds):10.1f}", flush=True)


def time_rows(dilemmas: int, epochs: int) -> None:
    import numpy as np

    from kidney_evals.human.reference import load_reference
    from kidney_evals.measures import compute, measures_of
    from kidney_evals.measures.run import Run
    from kidney_evals.studies import dilemmas_of, load_study

    study = load_study("mcelfresh_2021")
    reference = load_reference(study, "coin_flip")
    listed = tuple(dilemmas_of(study, dilemmas, 99))
    n = dilemmas * 2 * epochs
    where = np.repeat(np.arange(dilemmas), 2 * epochs)
    shares = reference.shares(listed)[where]
    choice = (np.random.default_rng(0).random((n, 1)) > shares.cumsum(axis=1)[:, :-1]).sum(axis=1)
    run = Run(
        study=study,
        reference=reference,
        dilemmas=listed,
        dilemma=where,
        order=np.tile(np.repeat([0, 1], epochs), dilemmas),
        epoch=np.tile(np.arange(epochs), 2 * dilemmas),
        choice=choice,
        first_choice=choice,
        outcomes=np.full(n, "decision"),
        departures=np.zeros(n, dtype=bool),
    )
    rows = list(measures_of(run))
    start = time.perf_counter()
    for one in rows:
        compute(run, one.id)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{n:9,}{dilemmas:10,}{len(rows):7}{seconds:10.1f}{peak:10.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=("fits", "rows"))
    parser.add_argument("--design", nargs=2, type=int)
    options = parser.parse_args()
    if options.design:
        time_rows(*options.design)
        return
    if options.only != "rows":
        time_fits(options.rounds)
    if options.only != "fits":
        print(
            f"{'decisions':>9}{'dilemmas':>10}{'rows':>7}{'seconds':>10}{'peak MB':>10}", flush=True
        )
        for dilemmas, epochs in DESIGNS:
            design = ["--design", str(dilemmas), str(epochs)]
            subprocess.run([sys.executable, __file__, *design], check=True)


if __name__ == "__main__":
    main()
