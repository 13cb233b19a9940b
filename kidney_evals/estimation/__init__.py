"""Choice models, distances and intervals over arrays; independent of Inspect.

Every function checks its arguments and raises `InputError`, which names the argument, the row and
the allowed values. A fit without an optimum raises `FitError`, which suggests a remedy. Each line
below lists a module and, after the colon, its public names. The examples run as tests.

Conventions: D dilemmas, n answers or rows, k attributes, K answers (2, with a coin 3), B draws of
people. `differences` are the first minus the second patient, (n, k); `choices` 0 first, 1 second,
2 coin, (n,); `chose_first` 1 or 0, (n,); `clusters`, `dilemmas` and `persons` labels of rows that
belong together, (n,); `ranges` each attribute's full range in the weights' unit, (k,);
`frequencies` how often each row is in each resample, (draws, n); `human` people's value, copied to
the result. `low` and `high` are the ends of a 95 % interval, `n` is a number of answers, and
`log_likelihood` is at the estimate, unless stated otherwise.

Input and result types
    decisions: Decisions, Strata; quantity: Quantity, undefined; errors: FitError, InputError,
    FAILURES; arrays: Floats, Ints, Bools; levels: Levels, attribute_levels

    >>> from kidney_evals.estimation.levels import attribute_levels
    >>> attribute_levels([0, 1, 2]).labels
    ('0', '1', '2')

Statistics of a run
    agreement: agreement, log_score; distance: choice_distance,
    fixed_distance, side_correction; indecision: indecision_rate, outcome_share;
    calibration: flip_calibration, flip_slope; consistency: swap_disagreement,
    retest_disagreement, position_bias, dominance; rank: profile_rank, spearman,
    kendall, fit_bradley_terry; variance_shares: variance_shares; centrality: centrality;
    slopes: sharpness,
    coin_slope; respondent_baselines: baselines, answer_shares; bounds: agreement_bounds and others

    >>> from kidney_evals.estimation.rank import kendall
    >>> float(kendall([1.0, 2.0, 3.0], [10.0, 20.0, 30.0]))
    1.0

Two runs on the same dilemmas
    paired: agreement_change, indecision_change, swap_change, retest_change,
    calibration_change, share_change; paired_importance: importance_changes; slopes:
    sharpness_change, coin_slope_change

    >>> from kidney_evals.estimation.paired import share_change
    >>> round(share_change([0.0, 0.5, 1.0], [0.5, 0.5, 1.0]).change.value, 3)
    0.167

Intervals
    intervals: wilson, proportion, stratified_proportion, mean_interval, difference, percentile,
    weight_blocks

    >>> from kidney_evals.estimation.intervals import wilson
    >>> [round(end, 3) for end in wilson(0.5, 10)]
    [0.237, 0.763]

Choices without a coin
    logit: fit_logit, fit_logit_resamples; lapse: fit_lapse, predict_shares; importance:
    importance_shares, estimate_importance; nonlinearity: nonlinearity, holm; marginal_effects:
    marginal_effects, human_marginal_effects

    >>> from kidney_evals.estimation.logit import fit_logit
    >>> fit_logit([[1.0], [1.0], [-1.0], [-1.0]], [1, 1, 0, 0]).separated
    True

Choices with a coin
    ties: fit_davidson, fit_rao_kupper; two_stage: fit_two_stage, fit_flip_slope; thresholds:
    Threshold; half_threshold: fit_half_threshold; indecision_models: fit_indecision_model;
    indecision_family: fit_indecision_family, fit_naive; indecision_choice: choose_indecision_model

    >>> from kidney_evals.estimation.indecision_family import fit_naive
    >>> fit_naive([0, 1, 2, 2]).coin
    0.5

People who differ
    latent: fit_latent; nearest: nearest_classes; random_coefficients:
    fit_random_coefficients

    >>> from kidney_evals.estimation.nearest import nearest_classes
    >>> nearest_classes([0.5, 0.5], [[[0.9, 0.1]] * 2, [[0.1, 0.9]] * 2], [0, 0], [0, 1]).nearest
    0
"""
