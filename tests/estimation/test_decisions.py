import numpy as np

from kidney_evals.estimation.decisions import Decisions


def build(**changes: object) -> Decisions:
    fields: dict[str, object] = {
        "dilemma": [0, 0, 1], "order": [0, 1, 0], "epoch": [0, 0, 0], "choice": [0, 2, 1],
        "differences": [[1.0, 0.0], [-1.0, 2.0]], "shares": [[0.5, 0.3, 0.2], [np.nan] * 3],
        "share_draws": None, "closeness": [0.4, np.nan],
    }  # fmt: skip
    return Decisions(**(fields | changes))  # type: ignore[arg-type]


def test_counts_are_in_the_terms_of_the_dilemma() -> None:
    run = build()
    assert run.counts.tolist() == [[[1, 0, 0], [0, 0, 1]], [[0, 1, 0], [0, 0, 0]]]
    # Listed first and shown first: A. The coin is a coin. Listed second, shown second: B.
    assert run.shown_first.tolist() == [1, 2, 0]
    assert build(order=[1, 1, 1]).shown_first.tolist() == [0, 2, 1]


def test_decided_answers_meet_the_people_who_decided() -> None:
    run = build(share_draws=[[[0.0, 0.0, 1.0], [np.nan] * 3], [[0.2, 0.6, 0.2], [np.nan] * 3]])
    decided = run.decided
    assert decided.choice.tolist() == [0, 1]
    np.testing.assert_allclose(decided.shares[0], [0.5 / 0.8, 0.3 / 0.8])
    assert np.isnan(decided.shares[1]).all()
    assert decided.share_draws is not None
    # If nobody decides in a draw of people, the shares of record are used.
    np.testing.assert_allclose(decided.share_draws[:, 0], [[0.625, 0.375], [0.25, 0.75]])
    strict = build(shares=[[0.5, 0.5], [0.4, 0.6]], choice=[0, 1, 1])
    assert strict.decided is strict


def test_taking_dilemmas_reindexes_answers() -> None:
    part = build().at([1])
    assert part.dilemma.tolist() == [0]
    assert part.differences.tolist() == [[-1.0, 2.0]]
    assert build().at(np.array([True, False])).choice.tolist() == [0, 2]
    nothing = build(dilemma=[], order=[], epoch=[], choice=[])
    assert len(nothing) == nothing.counts.sum() == 0
    assert not nothing.answered.any()
