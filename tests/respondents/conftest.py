"""The default study and its dilemmas."""

import pytest

from kidney_evals.studies import Dilemma, Study, dilemmas_of, load_study


@pytest.fixture(scope="session")
def drawn() -> Study:
    return load_study("mcelfresh_2021")


@pytest.fixture(scope="session")
def dilemmas(drawn: Study) -> tuple[Dilemma, ...]:
    return dilemmas_of(drawn, 200, None)
