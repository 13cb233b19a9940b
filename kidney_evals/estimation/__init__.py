"""Choice models, distances and intervals over arrays; independent of Inspect.

Estimators check their arguments and raise `InputError`, which names the argument, the row and the
allowed values. A fit without an optimum raises `FitError`, which suggests a remedy. A statistic
without data is `undefined()`: NaN with n = 0. The examples below run as tests.

There are D dilemmas, n answers or rows, k attributes, K possible answers (2, with a coin 3) and B
draws (bootstrap resamples) of people. A coin answer leaves the decision to a coin flip. Δu is the
first patient's utility minus the second patient's. Dilemmas are drawn (a random sample) or a fixed
list. Unless stated otherwise, arguments and results of these names are:

- `differences`: attributes of the first patient minus those of the second, (n, k)
- `choices`: 0 for the first patient, 1 for the second, 2 for the coin, (n,)
- `chose_first`: 1 for the first patient, 0 for the second, (n,)
- `clusters`, `dilemmas`, `persons`: labels of rows that belong together, (n,)
- `ranges`: each attribute's full range, in the unit of `differences`, (k,)
- `frequencies`: how often each row is in each resample, (draws, n)
- `human`: people's value, which is copied to the result
- `low`, `high`: ends of a 95 % interval
- `n`: a number of answers
- `log_likelihood`: the log-likelihood of all answers at the estimate

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
