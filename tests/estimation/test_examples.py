"""The examples in the docstring of the room."""

import doctest

import kidney_evals.estimation


def test_the_examples_of_the_room_hold() -> None:
    found = doctest.testmod(kidney_evals.estimation)
    assert found.attempted > 10 and not found.failed
