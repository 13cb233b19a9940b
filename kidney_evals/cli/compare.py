"""`kidney-evals compare`: test changes from one version of a model to another, for pipelines."""

import click

from kidney_evals.cli import options
from kidney_evals.cli.terminal import say
from kidney_evals.errors import UserError


@click.command()
@click.argument("old")
@click.argument("new")
@click.option("--fail-if", "rules", multiple=True, metavar="RULE", help="End with status 1 if so.")
@click.option("--despite", multiple=True, metavar="PART", help="A part of the key that may differ.")
@click.option("--partial", is_flag=True, help="Take runs too that did not end.")
@options.form("text", "md", "json")
@click.pass_context
def compare(
    context: click.Context,
    old: str,
    new: str,
    rules: tuple[str, ...],
    despite: tuple[str, ...],
    partial: bool,
    form: str,
) -> None:
    """Print the changes from the runs in OLD to those in NEW, paired over shared dilemmas.

    OLD and NEW are each a log, a folder, a pattern or a URL, with one model for each task and
    study. Two runs are compared if their whole keys are equal: task, study and its content,
    wording, condition, human reference, task version, sampling settings, form of the question.
    --despite allows one of these to differ, and may be repeated: wording, sampling, explain,
    channel, readout, examples, crossed, orders, system-prompt.

    \b
    RULE is one of
      changed      any row changed clearly,
                   adjusted for all rows of the panel
      farther      any row is clearly farther from
                   the value of people's answers
      ROW          the interval of this row's change
                   does not contain 0
      ROW:farther  the same, and the row is farther from
                   the value of people's answers
      ROW>X ROW<-X the whole interval of its change
                   lies above X or below -X
      new.ROW<X    the value in NEW is below X
      new.ROW>X    the value in NEW is above X

    ROW is flip_rate, coin_slope, flip_calib, sharpness, agreement, imp_ATTRIBUTE, swap_diff,
    coverage, amce_LEVEL or probe_coin; behind "new." any row of a log. A named row is not adjusted
    for other rows. Name the rows that matter: "changed" misses many changes that a rule for a
    single row detects.

    \b
    Exit status
      0  no rule struck
      1  a rule struck
      2  bad input, or runs that cannot be compared
      3  a rule could not be decided:
         its row was not measured
    """  # noqa: D301
    from kidney_evals.estimation.errors import InputError
    from kidney_evals.reporting.comparing import gate, matching, text
    from kidney_evals.reporting.comparing.changes import compare_runs
    from kidney_evals.reporting.logs import find_logs

    checked = [gate.read_rule(rule) for rule in rules]
    free = matching.check_despite(despite)
    before, after = (
        matching.side_of(side, find_logs([name]), partial=partial)
        for side, name in zip(matching.SIDES, (old, new), strict=True)
    )
    matches, old_alone, new_alone = matching.match_sides(before, after, free)
    lines = [*before.passed_over, *after.passed_over]
    for side in (before, after):
        lines += [
            f"{side.name}: {run.file.location}: {run.panel.task} has no choices to pair"
            for run in side.others
        ]
    for name, alone in zip(matching.SIDES, (old_alone, new_alone), strict=True):
        lines += [f"{run.panel.words} is in {name} alone ({run.file.location})" for run in alone]
    try:
        panels = tuple(compare_runs(*pair) for pair in matches)
    except InputError as error:
        raise UserError(f"not comparable: {error}") from error
    decided = gate.decide(
        checked, panels, (*after.runs, *after.others), [run.panel.words for run in old_alone]
    )
    report = text.Report(old, new, panels, tuple(lines), decided, gate.status(decided))
    formats = {"text": text.as_text, "md": text.as_markdown, "json": text.as_json}
    say(formats[form](report), fit=form == "text")
    context.exit(report.status)
