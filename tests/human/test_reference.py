"""What the shipped tables say about people, as a scorer reads it."""

from itertools import pairwise
from math import exp, log
from pathlib import Path
from shutil import copytree

import numpy as np
import pandas as pd
import pytest
from scipy.stats import foldnorm

from kidney_evals.errors import UserError
from kidney_evals.human import Band, Reference, load_reference
from kidney_evals.human.sources import (
    ModelShares,
    choice_features,
    differences,
    dominance,
    flip_features,
    patient_values,
    people_features,
    published_shares,
)
from kidney_evals.lab.drawn_models import domain
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
ABOUT = '{"version": "9"}'


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
    # Where nobody was asked there are no tables, and so no version of them.
    assert len(ref.sha256) == 64 and bool(ref.version) == any(ref.study.people.values())
    assert ref.has_people == bool(ref.study.people[condition])
    if ref.has_people:
        np.testing.assert_allclose(shares.sum(axis=1), 1.0)
        np.testing.assert_allclose(draws.sum(axis=2), 1.0, rtol=1e-6)
        np.testing.assert_allclose(draws.mean(axis=0), shares, atol=0.02)
    else:
        assert np.isnan(shares).all() and np.isnan(draws).all()
        assert np.isnan(ref.flip_rate(asked))


def test_the_coin_group_flips_as_often_as_it_did_on_the_whole_domain() -> None:
    ref = reference(DRAWN, "coin_flip")
    assert isinstance(ref.source, ModelShares)
    assert ref.source.predict(*domain(ref.study))[:, 2].mean() == pytest.approx(0.169, abs=2e-3)
    # One standard error over people is .016.
    rates = ref.share_draws(dilemmas(DRAWN))[:, :, 2].mean(axis=1)
    assert rates.std() == pytest.approx(0.016, abs=2e-3)


def test_flip_curve_and_its_model() -> None:
    ref = reference(DRAWN, "coin_flip")
    curve = pd.read_csv(ref.folder / "flip_curve.csv")
    assert [*curve["from"], *curve["to"][-1:]] == [*[0, *curve["to"][:-1]], np.inf]
    assert curve["from"].tolist() == [0, 0.5, 1, 1.5, 2.5]
    rates = [0.273, 0.224, 0.181, 0.114, 0.044]
    assert curve["rate"].tolist() == pytest.approx(rates, abs=1e-3)
    mass = [0.22, 0.20, 0.17, 0.24, 0.17]
    assert curve["mass"].tolist() == pytest.approx(mass, abs=6e-3)
    # The flip model, averaged within bins over many drawn dilemmas, stays inside the intervals.
    asked = dilemmas_of(load_study(DRAWN), 4000, 7)
    coin, near = ref.shares(asked)[:, 2], ref.closeness(asked)
    for start, to, low, high in curve[["from", "to", "low", "high"]].to_numpy():
        assert low < coin[(start <= near) & (near < to)].mean() < high
    assert ref.slope == pytest.approx(-0.660, abs=1e-3)
    # Of people's answers: strict dominance .066, weak dominance .204, conflict .174.
    x = differences(ref.study, asked)
    leads, ties = dominance(x) != 0, (x == 0).sum(axis=1)
    rates = [coin[inside].mean() for inside in (leads & (ties == 0), leads & (ties > 0), ~leads)]
    assert rates == pytest.approx([0.066, 0.204, 0.174], abs=0.015)


PAIRS = [Patient(values) for values in ((40, 1, 2), (50, 3, 2), (25, 5, 0), (70, 1, 2), (40, 1, 2))]
"""Each is the first patient of a pair, the next the second: dominance, then two conflicts."""


def test_terms_of_the_models_by_hand() -> None:
    study = load_study(DRAWN)
    asked = [Dilemma("x", one, two, "drawn") for one, two in pairwise(PAIRS[:4])]
    first, second = patient_values(study, asked)
    terms = choice_features(study, first, second)
    # 10, -25 and 45 years younger; the middle of the range is 47.5: (7.5 - 0, 0 - 22.5, 22.5 - 0).
    assert terms["age"].tolist() == pytest.approx([1, -2.5, 4.5])
    assert terms["bend_age"].tolist() == pytest.approx([0.75, -2.25, 2.25])
    # 1 against 3, 3 against 5 and 5 against 1 drinks; the middle is 3: 2, 0 and -2 beyond it.
    assert terms["drinks"].tolist() == [2, 2, -4]
    assert terms["bend_drinks"].tolist() == [2, 0, -2]
    assert terms["bend_dependents"].tolist() == [0, 1, -1]
    assert terms["dominance"].tolist() == [1, 0, 0]
    coin = flip_features(study, first, second, np.array([0.7, 0.4, 0.8]))
    # |.7·1 + .4·2 + .8·0|; |-1.75 + .8 + 1.6|; |3.15 - 1.6 - 1.6|.
    assert coin["closeness"].tolist() == pytest.approx([1.5, 0.65, 0.05])
    # Ranges 4.5, 4 and 2: 1/4.5 + 2/4; 2.5/4.5 + 2/4 + 2/2; 4.5/4.5 + 4/4 + 2/2.
    ranges = [1 / 4.5 + 0.5, 2.5 / 4.5 + 1.5, 3.0]
    assert coin["similarity"].tolist() == pytest.approx([log(one + 0.1) for one in ranges])
    assert coin["dominance"].tolist() == [1, 0, 0]
    # Two drinks are half of the range; one drink and eleven years are near, twelve are not.
    assert coin["near"].tolist() == [0, 0, 0]
    close = Patient((40, 2, 2)), Patient((51, 1, 2)), Patient((52, 1, 2))
    values = patient_values(study, [Dilemma("x", close[0], one, "drawn") for one in close[1:]])
    assert flip_features(study, *values, np.ones(3))["near"].tolist() == [1, 0]


def test_closeness_of_people_who_differ() -> None:
    x = np.array([[1.0, -2.0], [0.5, 0.0], [3.0, 1.0]])
    mean, variance = people_features(x, np.array([0.7, 0.4, 0.2, 0.5]))
    # Δu is normal with the means .7 - .8, .35 and 2.1 + .4, and .04·1 + .25·4, .01, .36 + .25.
    m, s = np.array([-0.1, 0.35, 2.5]), np.sqrt([1.04, 0.01, 0.61])
    people = foldnorm(np.abs(m) / s, scale=s)
    assert [mean, variance] == [pytest.approx(people.mean()), pytest.approx(people.var())]
    # People who agree have |.7 - .8|, .35 and 2.5, which do not vary; draws are the first axis.
    agreeing = np.tile([0.7, 0.4, 0.0, 0.0], (5, 1))
    expected = np.tile([np.abs(m), np.zeros(3)], (1, 5)).reshape(2, 5, 3)
    np.testing.assert_allclose(people_features(x, agreeing), expected, atol=1e-12)


@pytest.mark.parametrize("terms", ["new", "few", "people"])
def test_a_study_may_have_any_of_the_terms(tmp_path: Path, terms: str) -> None:
    models = {
        "new": "shares,age,0.5 shares,dominance,2 shares,lapse,0.1 flip,near,1 flip,intercept,-1",
        "few": "shares,age,2.5 flip,closeness,-1",
        "people": "shares,age,2.5 flip,people_closeness,-1 flip,people_variance,7 "
        "flip,mean_age,1 flip,mean_drinks,1 flip,mean_dependents,5 "
        "flip,spread_age,0 flip,spread_drinks,0 flip,spread_dependents,9",
    }[terms]
    rows = "".join(f"coin_flip,{one},,,\n" for one in models.split())
    names = ("age", "drinks", "dependents")
    weights = "".join(f"forced_choice,logit,{name},1,,,\n" for name in names)
    text = f"condition,model,parameter,estimate,se,low,high\n{rows}{weights}"
    study = load_study(copied(tmp_path / "new", DRAWN, models=text, reference=ABOUT))
    pair = Dilemma("x", Patient((40, 1, 2)), Patient((50, 2, 2)), "drawn")
    first, second, coin = load_reference(study, "coin_flip").shares([pair])[0]
    # 10 years younger and one drink less, nearly alike, with one tie and |Δu| = 1 + 1.
    # new: .05 + .9 / (1 + exp(-.5 - 2)), and 1 / (1 + exp(1 - 1));
    # few: 1 / (1 + exp(-2.5)), and 1 / (1 + exp(2)); people: the same, since nobody differs in age
    # and drinks.
    steep, flips = 1 / (1 + exp(-2.5)), 1 / (1 + exp(2)) if terms in ("few", "people") else 0.5
    decided = steep if terms in ("few", "people") else 0.05 + 0.9 * steep
    assert coin == pytest.approx(flips)
    assert first / (first + second) == pytest.approx(decided)


def test_models_with_missing_parts_raise(tmp_path: Path) -> None:
    head = "condition,model,parameter,estimate,se,low,high\n"
    for i, (rows, message) in enumerate((
        ("shares,age,1", "lacks the model 'flip'"),
        ("shares,lapse,0.1 flip,near,1", "the model shares has a lapse only"),
        ("shares,age,1 flip,people_variance,1", "model flip: 'people_closeness', 'mean_age'"),
        ("shares,age,1 shares,lapse,1.5 flip,near,1", "lapse must be from 0 to 1"),
    )):  # fmt: skip
        text = head + "".join(f"coin_flip,{row},,,\n" for row in rows.split())
        own = copied(tmp_path / str(i), DRAWN, models=text, reference=ABOUT)
        with pytest.raises(UserError, match=message):
            load_reference(load_study(own), "coin_flip")


@pytest.mark.parametrize("condition", CONDITIONS)
def test_shares_are_calibrated_by_kind_of_pair(condition: Condition) -> None:
    ref = reference(DRAWN, condition)
    kinds = ("conflict_0", "conflict_1", "dominance_0", "dominance_1", "dominance_2")
    models = ("shares", "flip") if condition == "coin_flip" else ("shares",)
    cells = [one for model in models for kind in kinds for one in ref.calibration(model, kind)]
    assert len(cells) == 15 * len(models)
    outside = [one for one in cells if not one.observed.low <= one.predicted <= one.observed.high]
    # One of 20 intervals misses its truth by chance.
    assert len(outside) <= 2


def test_decided_shares_are_calibrated_where_the_logit_is_not() -> None:
    ref = reference(DRAWN, "forced_choice")
    top = ref.calibration("logit")[-1]
    assert (top.predicted, top.observed.value) == pytest.approx((0.967, 0.929), abs=1e-3)
    coin = reference(DRAWN, "coin_flip")
    models = ((ref, "shares"), (coin, "shares"), (coin, "flip"))
    bins = [one for people, model in models for one in people.calibration(model)]
    assert len(bins) == 8 + 8 + 5
    assert all(one.observed.low <= one.predicted <= one.observed.high for one in bins)


def test_shares_mirror_when_the_patients_are_exchanged_and_identical_ones_are_flipped() -> None:
    one = Dilemma("x", Patient((30, 1, 2)), Patient((60, 4, 0)), "drawn")
    two = Dilemma("y", one.second, one.first, "drawn")
    for condition in CONDITIONS:
        first, second = reference(DRAWN, condition).shares([one, two])
        np.testing.assert_allclose(first[[1, 0]], second[:2])
        assert first[0] > 0.8
    same = Dilemma("x", one.first, one.first, "identical")
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
    x = np.subtract(*domain(ref.study))[::101]
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


def test_counts_are_all_a_new_study_needs_and_without_tables_it_has_nobody(tmp_path: Path) -> None:
    empty = load_study(copied(tmp_path / "empty", DRAWN))
    ref = load_reference(empty, "coin_flip")
    assert not ref.has_people and ref.version == "" and not ref.persons
    assert np.isnan(ref.shares(dilemmas_of(empty, 3, None))).all()
    counts = "condition,dilemma,first,second,coin\nforced_choice,q01,3,1,\n"
    study = load_study(copied(tmp_path / "new", FIXED, counts=counts, reference=ABOUT))
    ref = load_reference(study, "forced_choice")
    first, second = ref.shares(dilemmas_of(study, 2, None))
    assert ref.version == "9"
    assert first.tolist() == [0.75, 0.25] and np.isnan(second).all()
    assert not load_reference(study, "coin_flip").has_people


def test_persons_margins_and_crowd_are_read_and_nan_where_absent(tmp_path: Path) -> None:
    tables = {
        "persons": "condition,quantity,median,low,high,persons\n"
        "coin_flip,swap_diff,0.27,0.11,0.44,500\n",
        "margins": "condition,quantity,margin,answers,halves\n"
        "coin_flip,share_dist,0.098,4403,500\n",
        "crowd": "condition,quantity,value,low,high\ncoin_flip,distance,0.004,0.001,0.007\n",
    }
    study = load_study(copied(tmp_path / "new", FIXED, reference=ABOUT, **tables))
    coin, forced = (load_reference(study, name) for name in ("coin_flip", "forced_choice"))
    assert coin.person("swap_diff") == Band(median=0.27, low=0.11, high=0.44)
    assert (coin.margin("share_dist"), coin.misfit("distance")) == (0.098, 0.004)
    for ref, quantity in ((forced, "share_dist"), (coin, "other")):
        assert np.isnan([*ref.person(quantity), ref.margin(quantity), ref.misfit(quantity)]).all()


@pytest.mark.parametrize("condition", CONDITIONS)
def test_counts_alone_have_draws_of_their_sampling_error(
    condition: Condition, tmp_path: Path
) -> None:
    counts = (datasets_dir() / FIXED / "reference" / "counts.csv").read_text()
    study = load_study(copied(tmp_path / "new", FIXED, counts=counts, reference=ABOUT))
    ref = load_reference(study, condition)
    shares, draws = ref.shares(dilemmas(FIXED)), ref.share_draws(dilemmas(FIXED))
    people = ref.counts(dilemmas(FIXED)).sum(axis=1, keepdims=True)
    # The variance of a Dirichlet share is p (1 - p) / (n + 1); 300 draws.
    error = np.sqrt(shares * (1 - shares) / (people + 1))
    assert draws.sum(axis=2) == pytest.approx(np.ones(draws.shape[:2]))
    assert (np.abs(draws.mean(axis=0) - shares) <= 4 * error / np.sqrt(300)).all()
    assert draws.std(axis=0) == pytest.approx(error, rel=0.25)


def test_the_hash_follows_the_tables(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    copytree(datasets_dir() / FIXED, folder)
    before = load_reference(load_study(folder), "coin_flip").sha256
    assert before == reference(FIXED, "coin_flip").sha256
    table = folder / "reference" / "counts.csv"
    table.write_text(table.read_text().replace("coin_flip,q01,31,", "coin_flip,q01,30,"))
    assert load_reference(load_study(folder), "coin_flip").sha256 != before


def test_a_published_share_without_variance_is_the_same_in_every_draw() -> None:
    source = published_shares({"a": 1.0, "b": 0.0, "c": 0.5}, dict.fromkeys("abc", 20.0))
    first = {name: draws[:, 0] for name, draws in source.count_draws.items()}
    assert set(first["a"]) == {1.0} and set(first["b"]) == {0.0}
    # The standard deviation of Beta(10, 10) is sqrt(.25 / 21).
    assert first["c"].std() == pytest.approx((0.25 / 21) ** 0.5, rel=0.15)
