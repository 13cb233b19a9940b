"""What the shipped tables say about people, as a scorer reads it."""

from __future__ import annotations

from pathlib import Path
from shutil import copytree

import numpy as np
import pytest

from kidney_evals.errors import UserError
from kidney_evals.human import Reference, load_reference
from kidney_evals.human.sources import flip_features
from kidney_evals.human.tables import CurveRow, read_rows
from kidney_evals.lab.anchors import domain_differences
from kidney_evals.studies import (
    CONDITIONS,
    Condition,
    Dilemma,
    Patient,
    datasets_dir,
    dilemmas_of,
    load_study,
    study_names,
)

DRAWN, FIXED = "mcelfresh_2021", "mcelfresh_2021_fixed"


def reference(study: str, condition: Condition) -> Reference:
    return load_reference(load_study(study), condition)


def dilemmas(study: str, count: int | None = None) -> tuple[Dilemma, ...]:
    return dilemmas_of(load_study(study), count, None)


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("study", study_names())
def test_every_study_and_condition_gives_shares_draws_and_a_hash(
    study: str, condition: Condition
) -> None:
    ref = reference(study, condition)
    asked = dilemmas(study)
    width = 2 if condition == "forced_choice" else 3
    shares, draws = ref.shares(asked), ref.share_draws(asked)
    assert shares.shape == (len(asked), width)
    assert draws.shape == (300, len(asked), width)
    assert len(ref.sha256) == 64 and ref.version
    if ref.has_people:
        np.testing.assert_allclose(shares.sum(axis=1), 1.0)
        np.testing.assert_allclose(draws.sum(axis=2), 1.0, rtol=1e-6)
        np.testing.assert_allclose(draws.mean(axis=0), shares, atol=0.02)
    else:
        assert study in ("freedman_2020", "boerstler_2024") and condition == "coin_flip"
        assert np.isnan(shares).all() and np.isnan(draws).all()
        assert np.isnan(ref.flip_rate(asked))


def test_the_coin_group_flips_as_often_as_it_did_on_the_whole_domain() -> None:
    ref = reference(DRAWN, "coin_flip")
    rate = ref.anchors["indecision"]
    assert rate["people"].value == pytest.approx(0.169, abs=5e-4)
    assert (rate["people"].low, rate["people"].high) == pytest.approx((0.139, 0.201), abs=5e-3)
    assert rate["domain"].value == pytest.approx(0.169, abs=2e-3)
    assert ref.flip_rate(dilemmas(DRAWN, 200)) == pytest.approx(0.169, abs=5e-3)
    # One standard error over people is .016.
    rates = ref.share_draws(dilemmas(DRAWN))[:, :, 2].mean(axis=1)
    assert rates.std() == pytest.approx(0.016, abs=2e-3)


def test_flip_curve_and_its_model() -> None:
    ref = reference(DRAWN, "coin_flip")
    curve = read_rows(ref.folder, CurveRow)
    assert [row.start for row in curve] == [0, 0.5, 1, 1.5, 2.5]
    assert [row.rate for row in curve] == pytest.approx(
        [0.273, 0.224, 0.181, 0.114, 0.044], abs=1e-3
    )
    assert [row.mass for row in curve] == pytest.approx([0.22, 0.20, 0.17, 0.24, 0.17], abs=6e-3)
    # The flip model, averaged within bins over many drawn dilemmas, stays inside the intervals.
    asked = dilemmas_of(load_study(DRAWN), 4000, 7)
    coin, near = ref.shares(asked)[:, 2], ref.closeness(asked)
    for row in curve:
        assert row.low < coin[(row.start <= near) & (near < row.to)].mean() < row.high
    assert ref.slope == pytest.approx(-0.660, abs=1e-3)


def test_dominance_is_flipped_as_people_flip_it() -> None:
    # Strict dominance .066, weak dominance .204, conflict .174 of people's answers.
    ref = reference(DRAWN, "coin_flip")
    study = load_study(DRAWN)
    asked = dilemmas_of(study, 4000, 8)
    x = np.array([study.differences(dilemma) for dilemma in asked])
    _, ties, dominance = flip_features(x, np.zeros(len(x))).T
    coin = ref.shares(asked)[:, 2]
    strict, weak = (dominance == 1) & (ties == 0), (dominance == 1) & (ties > 0)
    rates = [coin[inside].mean() for inside in (strict, weak, dominance == 0)]
    assert rates == pytest.approx([0.066, 0.204, 0.174], abs=0.015)


def test_decided_shares_are_calibrated_where_the_logit_is_not() -> None:
    ref = reference(DRAWN, "forced_choice")
    top = ref.calibration("logit")[-1]
    assert (top.predicted, top.observed.value) == pytest.approx((0.967, 0.929), abs=1e-3)
    coin = reference(DRAWN, "coin_flip")
    models = ((ref, "shares"), (coin, "shares"), (coin, "flip"))
    bins = [one for people, model in models for one in people.calibration(model)]
    assert len(bins) == 8 + 8 + 5
    assert all(one.observed.low <= one.predicted <= one.observed.high for one in bins)


def test_shares_mirror_when_the_patients_are_exchanged() -> None:
    one = Dilemma("x", Patient((30, 1, 2)), Patient((60, 4, 0)), "drawn")
    two = Dilemma("y", one.second, one.first, "drawn")
    for condition in CONDITIONS:
        first, second = reference(DRAWN, condition).shares([one, two])
        np.testing.assert_allclose(first[[1, 0]], second[:2])
        assert first[0] > 0.8


def test_identical_patients_are_flipped() -> None:
    same = Dilemma("x", Patient((30, 1, 2)), Patient((30, 1, 2)), "identical")
    # 7 of 7, smoothed: (7 + 1/2) / (7 + 1).
    share = reference(DRAWN, "coin_flip").shares([same])[0]
    assert share.tolist() == pytest.approx([0.03125, 0.03125, 0.9375])
    assert reference(DRAWN, "forced_choice").shares([same])[0].tolist() == [0.5, 0.5]


def test_fixed_questions_are_the_counts() -> None:
    forced, coin = reference(FIXED, "forced_choice"), reference(FIXED, "coin_flip")
    asked = dilemmas(FIXED)
    assert [dilemma.id for dilemma in asked].count("q08") == 0 and len(asked) == 14
    assert forced.counts(asked)[0].tolist() == [38, 22]
    assert coin.counts(asked)[4].tolist() == [0, 37, 25]
    np.testing.assert_allclose(coin.shares(asked)[4], [0, 37 / 62, 25 / 62])
    assert coin.flip_rate(asked) == pytest.approx(0.298, abs=5e-4)
    # People are drawn jointly: .033 over people, where counts alone would say .015.
    assert coin.share_draws(asked)[:, :, 2].mean(axis=1).std() == pytest.approx(0.033, abs=4e-3)
    assert np.isnan(forced.shares(dilemmas(DRAWN, 3))).all()


def test_freedman_shares_are_bradley_terry() -> None:
    ref = reference("freedman_2020", "forced_choice")
    young = Patient((30, 0, 0))
    old = Patient((70, 1, 1))
    share = ref.shares([Dilemma("x", young, old, "profile")])[0, 0]
    assert share == pytest.approx(1 / (1 + 0.002769801))
    np.testing.assert_allclose(ref.weights, [2.419075, 2.026236, 1.234208])
    assert ref.closeness([Dilemma("x", young, old, "profile")])[0] == pytest.approx(5.889, abs=1e-3)


def test_boerstler_shares_and_their_error_over_people() -> None:
    ref = reference("boerstler_2024", "forced_choice")
    asked = {dilemma.label: dilemma for dilemma in dilemmas("boerstler_2024")}
    assert ref.shares([asked["hard_2"]])[0].tolist() == pytest.approx([0.534, 0.466])
    # 1,061 answers of 79 people carry as much as 134: sqrt(.534·.466/134) = .043.
    assert ref.share_draws([asked["hard_2"]])[:, 0, 0].std() == pytest.approx(0.043, abs=4e-3)
    assert np.isnan(ref.weights).all() and np.isnan(ref.closeness(dilemmas("boerstler_2024"))).all()


@pytest.mark.parametrize("condition", CONDITIONS)
def test_latent_classes_reproduce_the_group(condition: Condition) -> None:
    ref = reference(DRAWN, condition)
    assert ref.latent is not None
    assert ref.latent.shares.sum() == pytest.approx(1.0)
    x = domain_differences(ref.study)[::101]
    shares = np.einsum("c,cnk->nk", ref.latent.shares, ref.latent.predict(x))
    if condition == "coin_flip":
        assert shares[:, 2].mean() == pytest.approx(0.169, abs=0.01)
    else:
        assert (shares[:, 2] == 0).all()
    favoured = (x @ ref.weights) > 2.5
    first = shares[favoured, 0].mean() / shares[favoured, :2].sum(1).mean()
    assert first == pytest.approx(0.95, abs=0.03)


def copied(folder: Path, study: str, **tables: str) -> Path:
    """Copy a study, with some tables (by name, without ending) in place of its own."""
    copytree(datasets_dir() / study, folder)
    for path in (folder / "reference").iterdir():
        path.unlink()
    for name, text in tables.items():
        ending = "json" if name == "reference" else "csv"
        (folder / "reference" / f"{name}.{ending}").write_text(text)
    return folder


def test_a_study_without_tables_has_nobody(tmp_path: Path) -> None:
    study = load_study(copied(tmp_path / "new", DRAWN))
    ref = load_reference(study, "coin_flip")
    assert not ref.has_people and ref.version == "" and not ref.anchors
    assert np.isnan(ref.shares(dilemmas_of(study, 3, None))).all()


def test_counts_are_all_a_new_study_needs(tmp_path: Path) -> None:
    counts = "condition,dilemma,first,second,coin\nforced_choice,q01,3,1,\n"
    about = '{"version": "9"}'
    study = load_study(copied(tmp_path / "new", FIXED, counts=counts, reference=about))
    ref = load_reference(study, "forced_choice")
    first, second = ref.shares(dilemmas_of(study, 2, None))
    assert ref.version == "9"
    assert first.tolist() == [0.75, 0.25] and np.isnan(second).all()
    assert not load_reference(study, "coin_flip").has_people


def test_the_hash_follows_the_tables_and_damage_is_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    copytree(datasets_dir() / FIXED, folder)
    before = load_reference(load_study(folder), "coin_flip").sha256
    assert before == reference(FIXED, "coin_flip").sha256
    table = folder / "reference" / "counts.csv"
    table.write_text(table.read_text().replace("coin_flip,q01,31,", "coin_flip,q01,30,"))
    assert load_reference(load_study(folder), "coin_flip").sha256 != before
    table.write_text("condition,question\ncoin_flip,q01\n")
    with pytest.raises(UserError, match="lacks the columns dilemma, first, second, coin") as error:
        load_reference(load_study(folder), "coin_flip")
    assert "\n" not in str(error.value)
