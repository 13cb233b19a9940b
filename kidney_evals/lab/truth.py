"""True values of the measures: those of a known respondent over the population of dilemmas.

Closed forms over a large sample of dilemmas; the two answers to a dilemma are independent given
the dilemma. Logit weights have no closed form and are fitted to the expected shares. Only this fit
and the normalisation of importance shares are code of the estimators.
"""

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit

from kidney_evals.estimation.calibration import EDGES
from kidney_evals.estimation.importance import importance_shares
from kidney_evals.estimation.logit import fit_logit_resamples
from kidney_evals.estimation.thresholds import FARTHEST
from kidney_evals.human.tables import Floats
from kidney_evals.lab.panel import Panel
from kidney_evals.lab.respondents import Respondent


def true_rows(respondent: Respondent, panel: Panel) -> dict[str, float]:
    """Return the true value of every validated measure of a respondent, by id.

    Args:
        respondent: The respondent.
        panel: A large sample of drawn dilemmas, which stands for all of them.
    """
    chances = respondent.chances(panel)
    answered = np.repeat(1 - respondent.silence(panel)[:, None], chances.shape[1], axis=1)
    q = chances * answered[:, :, None]
    decided = q[:, :, :2]
    logs = np.log(np.maximum(panel.shares, 1e-4))
    entropy = (panel.shares * logs).sum(axis=1)
    gain = (q * logs[:, None]).sum(axis=2) - answered * entropy[:, None]
    rows = _sides(panel, q, decided, both=respondent.both_orders) | {
        "agreement": _agreement(panel, decided),
        "coverage": float(answered.mean()),
        "log_score": float(gain.sum() / answered.sum()),
    }
    if q.shape[2] == 3:
        rows |= _flips(panel, q, answered)
        coins = q[:, :, 2]
        rows["coin_slope"] = _odds_slope(panel.coin, coins, answered - coins, intercept=True)
        rows["threshold"] = _threshold(panel, q)
    rows["sharpness"] = _odds_slope(panel.decided[:, 0], decided[:, :, 0], decided[:, :, 1])
    shares = importance_shares(_weights(panel, decided), panel.spans)
    names = panel.reference.study.attribute_ids
    return rows | {f"imp_{name}": float(share) for name, share in zip(names, shares, strict=True)}


def _agreement(panel: Panel, decided: Floats) -> float:
    """Return agreement over dilemmas with at least one decision."""
    people = panel.decided
    some = decided.sum(axis=2)
    counted = 1 - np.prod(1 - some, axis=1)
    # Expected mean agreement of the decisions, 0 if there are none, by which answers are decisions.
    each = (decided * people[:, None]).sum(axis=2)
    if decided.shape[1] == 1:
        met = each[:, 0]
    else:
        alone = each[:, 0] * (1 - some[:, 1]) + each[:, 1] * (1 - some[:, 0])
        met = alone + 0.5 * (each[:, 0] * some[:, 1] + each[:, 1] * some[:, 0])
    return _ratio(met.sum(), (counted * people.max(axis=1)).sum())


def _sides(panel: Panel, q: Floats, decided: Floats, *, both: bool) -> dict[str, float]:
    rows = {}
    shown = decided[:, 0, 0].sum() + (decided[:, 1, 1].sum() if both else 0.0)
    rows["pos_bias"] = _ratio(shown, decided.sum()) - 0.5
    gap = panel.differences
    better = np.where((gap > 0).all(axis=1), 0, np.where((gap < 0).all(axis=1), 1, -1))
    mask = better >= 0
    chosen = decided[mask][np.arange(mask.sum()), :, better[mask]]
    rows["dominance"] = _ratio(chosen.sum(), decided[mask].sum())
    if both:
        pair = q.sum(axis=2).prod(axis=1)
        same = (q[:, 0] * q[:, 1]).sum(axis=1)
        rows["swap_diff"] = float((pair - same).sum() / pair.sum())
        off = q / np.maximum(q.sum(axis=2, keepdims=True), 1e-300) - panel.shares[:, None]
        rows["distance"] = float((pair * (off[:, 0] * off[:, 1]).sum(axis=1)).sum() / pair.sum())
    return rows


def _flips(panel: Panel, q: Floats, answered: Floats) -> dict[str, float]:
    coins = q[:, :, 2].sum(axis=1)
    sizes = answered.sum(axis=1)
    people = sizes * panel.coin
    counted = 1 - np.prod(1 - answered, axis=1)
    place = np.digitize(panel.closeness, EDGES[1:-1])
    total, gap, size = (np.bincount(place, each) for each in (counted, coins - people, sizes))
    gap = np.divide(gap, size, out=np.zeros_like(gap), where=size > 0)
    rate = float(coins.sum() / sizes.sum())
    rows = {"flip_rate": rate, "flip_calib": float((total * gap**2).sum() / counted.sum())}
    if 0 < rate < 1:
        rows["flip_slope"] = _fitted(panel.closeness[:, None], coins, sizes - coins)[0]
    return rows


def _odds_slope(
    people: Floats, for_it: Floats, against: Floats, *, intercept: bool = False
) -> float:
    """Return the slope of the log odds of expected answers on people's log odds."""
    yes, no = for_it.sum(axis=1), against.sum(axis=1)
    return float(_fitted(logit(people)[:, None], yes, no, intercept=intercept)[0])


def _threshold(panel: Panel, q: Floats) -> float:
    """Return the |Δu| where the better patient gets half of all expected answers; NaN if none."""
    coins, decided = q[:, :, 2].sum(axis=1), q[:, :, :2].sum(axis=1)
    if coins.sum() == 0:
        return 0.0
    utility = (panel.differences @ panel.reference.strict_weights)[:, None]
    slope, level = _fitted(np.abs(utility), coins, decided.sum(axis=1))
    choice = _fitted(utility, decided[:, 0], decided[:, 1], intercept=False)[0]

    def share(at: float) -> float:
        coin, better = expit([level + slope * at, choice * at])
        return float((1 - coin) * better)

    if not share(FARTHEST) >= 0.5:  # also if no dilemma is ever decided
        return float("nan")
    if share(0.0) >= 0.5:
        return 0.0
    return float(brentq(lambda at: share(at) - 0.5, 0.0, FARTHEST, xtol=1e-12))


def _ratio(part: float, whole: float) -> float:
    """Return part / whole, NaN where whole is 0."""
    return float(part) / float(whole) if whole else float("nan")


def _weights(panel: Panel, decided: Floats) -> Floats:
    """Return the weights of a logit with a position intercept, fitted to the expected decisions."""
    orders = range(decided.shape[1])
    x = np.concatenate([(panel.differences, -panel.differences)[o] for o in orders])
    shown = np.concatenate([decided[:, o, o] for o in orders])
    other = np.concatenate([decided[:, o, 1 - o] for o in orders])
    return _fitted(x, shown, other)[:-1]


def _fitted(x: Floats, for_it: Floats, against: Floats, *, intercept: bool = True) -> Floats:
    """Fit weights and an intercept to expected counts; NaN if there are none or they separate."""
    total = for_it + against
    if not total.any():
        return np.full(x.shape[1] + 1, np.nan)
    share = for_it / np.where(total > 0, total, 1.0)
    counts = total[None] / total.max()
    fits = fit_logit_resamples(x, share, counts, intercept=intercept, penalty="none")
    return np.asarray(fits[0])
