"""Scrambled Halton points as standard normal draws."""

from __future__ import annotations

import numpy as np

from kidney_evals.estimation._checks import Floats

_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29)
MOST = len(_PRIMES)
"""Largest number of dimensions."""


def normal_draws(seed: int, people: int, draws: int, size: int) -> Floats:
    """Return quasi-random standard normal draws, shape (people, draws, size).

    The digits of each dimension's radical inverse are permuted at random, place by place (Owen
    2017, "A randomized Halton algorithm in R"). Consecutive stretches of the sequence go to
    consecutive people, so that one person's error of simulation makes up for another's (Train
    2009, section 9.3.3). Permutations come from plain doubles of PCG64, which are the same in
    every version of numpy.
    """
    from scipy.special import ndtri

    random = np.random.Generator(np.random.PCG64(seed))
    count = people * draws
    points = np.zeros((count, size))
    for dimension, prime in enumerate(_PRIMES[:size]):
        rest = np.arange(count)
        place = 1.0 / prime
        while 1.0 - place < 1.0:
            digits = random.random(prime).argsort(kind="stable")
            points[:, dimension] += digits[rest % prime] * place
            rest //= prime
            place /= prime
    normal: Floats = ndtri(np.clip(points, 1e-15, 1 - 1e-15))
    return normal.reshape(people, draws, size)
