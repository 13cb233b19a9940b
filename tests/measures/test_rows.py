"""Every row by its name, and nothing by any other."""

import pytest

from kidney_evals.estimation.errors import InputError
from kidney_evals.human.reference import load_reference
from kidney_evals.lab.respondents import RESPONDENTS
from kidney_evals.lab.simulate import simulate_run
from kidney_evals.measures import compute
from kidney_evals.studies import load_study


def test_an_unknown_row_is_named_with_those_there_are() -> None:
    run = simulate_run(load_reference(load_study("mcelfresh_2021"), "coin_flip"), RESPONDENTS[0], 1)
    with pytest.raises(InputError, match=r"row is 'agrement', there are .*agreement.*imp_age"):
        compute(run, "agrement")
    for row in ROWS:
        assert compute(run, row).value is not None
