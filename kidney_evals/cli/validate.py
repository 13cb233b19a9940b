"""`kidney-evals validate`: do the rows and their intervals mean what they say?"""

from __future__ import annotations

import click

from kidney_evals.cli.terminal import say
from kidney_evals.studies import CONDITIONS, Condition


@click.command()
@click.option("--runs", type=click.IntRange(min=2), help="Simulated runs each; 1000, quick 20.")
@click.option("--quick", is_flag=True, help="A few respondents, in under a minute.")
@click.option("--condition", type=click.Choice(CONDITIONS), help="One condition instead of both.")
def validate(runs: int | None, quick: bool, condition: Condition | None) -> None:
    """Simulate whole runs with known truth and print how the rows lie around it, as Markdown.

    For each quantity: truth, mean, bias, root mean square error and the coverage of its 95 %
    interval; then how the headlines order respondents, and again on other dilemmas. Last, from
    the shipped simulation: the change between two versions of a model that a run finds.
    """
    from kidney_evals.lab.sensitivity_table import markdown
    from kidney_evals.lab.validation import report

    chosen = (condition,) if condition else CONDITIONS
    made = report(runs=runs or (20 if quick else 1000), quick=quick, conditions=chosen)
    say(made, fit=False)
    say("## Change found with 90 % power at 5 % false alarms (planning/sensitivity.md)\n")
    say(markdown(), fit=False)
