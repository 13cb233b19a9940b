"""Choice models, distances and intervals over arrays; independent of Inspect.

Estimators check their arguments and raise `InputError`, which names the argument, the row and the
allowed values. A fit without an optimum raises `FitError`, which suggests a remedy. A statistic
without data is `undefined()`: NaN with n = 0. The examples below run as tests.

Conventions: D dilemmas, n answers or rows, k attributes, K possible answers (2, with a coin 3), B
draws (bootstrap resamples) of people. A coin answer leaves the decision to a coin flip; Δu is the
utility of the first minus that of the second patient. Dilemmas are drawn (a random sample) or a
fixed list. `differences` are the first minus the second patient, (n, k); `choices` 0 first, 1
second, 2 coin, (n,); `chose_first` 1 or 0, (n,); `clusters`, `dilemmas` and `persons` labels of
rows that belong together, (n,); `ranges` each attribute's full range in the weights' unit, (k,);
`frequencies` how often each row is in each resample, (draws, n); `human` people's value, copied to
the result. `low` and `high` are the ends of a 95 % interval, `n` is a number of answers, and
`log_likelihood` is at the estimate, unless stated otherwise.

Input and result types are in `decisions`, `quantity`, `errors` and `arrays`.

Statistics of a run: `agreement`, `distance`, `indecision`, `calibration`, `consistency`, `rank`,
`variance_shares`, `centrality`, `slopes`, `respondent_baselines`, `bounds`, `probes`

    >>> from kidney_evals.estimation.rank import kendall
    >>> float(kendall([1.0, 2.0, 3.0], [10.0, 20.0, 30.0]))
    1.0

Differences between two runs on the same dilemmas: `paired`, `slopes`

    >>> from kidney_evals.estimation.paired import share_change
    >>> round(share_change([0.0, 0.5, 1.0], [0.5, 0.5, 1.0]).change.value, 3)
    0.167

Intervals: `intervals`

    >>> from kidney_evals.estimation.intervals import wilson
    >>> [round(end, 3) for end in wilson(0.5, 10)]
    [0.237, 0.763]

Choices without a coin: `logit`, `lapse`, `importance`, `nonlinearity`, `marginal_effects`

    >>> from kidney_evals.estimation.logit import fit_logit
    >>> fit_logit([[1.0], [1.0], [-1.0], [-1.0]], [1, 1, 0, 0]).separated
    True

Choices with a coin: `ties`, `two_stage`, `thresholds`, `indecision_models`, `indecision_family`

    >>> from kidney_evals.estimation.indecision_family import fit_naive
    >>> fit_naive([0, 1, 2, 2]).coin
    0.5

People who differ: `latent`, `random_coefficients`

    >>> from kidney_evals.estimation.latent import nearest_classes
    >>> nearest_classes([0.5, 0.5], [[[0.9, 0.1]] * 2, [[0.1, 0.9]] * 2], [0, 0], [0, 1]).nearest
    0
"""
