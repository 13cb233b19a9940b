"""`kidney-evals plan`: print samples, calls, tokens, price and precision of a run in advance."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
import yaml

from kidney_evals.cli import options
from kidney_evals.cli.terminal import complain, say
from kidney_evals.errors import UserError


@click.command()
@click.argument("target", metavar="TASK-or-SUITE")
@click.option("--model", "models", multiple=True, metavar="NAME", help="As for `inspect eval`.")
@click.option("-T", "arguments", multiple=True, metavar="NAME=VALUE", help="A task argument.")
@click.option("--epochs", type=int, help="Repetitions, instead of each task's own.")
@click.option("--limit", type=int, help="Only the first samples of each task.")
@click.option(
    "--prices",
    type=options.any_path,
    help="YAML or JSON: model name to input and output, USD per million tokens.",
)
def plan(
    target: str,
    models: tuple[str, ...],
    arguments: tuple[str, ...],
    epochs: int | None,
    limit: int | None,
    prices: Path | None,
) -> None:
    """Print the expected calls, cost and precision of a run, without calling a model."""
    from kidney_evals.planning.plan import make_plan, read_prices
    from kidney_evals.planning.report import as_text

    priced = read_prices(prices)
    for model in models if prices else ():
        if model not in priced:
            complain(f"{prices} has no price for {model}; it has {', '.join(priced)}")
    given = task_arguments(arguments)
    made = make_plan(target, models, arguments=given, epochs=epochs, limit=limit, prices=priced)
    say(as_text(made))


def task_arguments(pairs: Iterable[str]) -> dict[str, Any]:
    """Return task arguments by name from "name=value" pairs.

    They are parsed as `inspect eval -T` parses them, so that both build the same task.

    Raises:
        UserError: A pair has no "=" or no name, or its value is not YAML.
    """
    arguments: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not name or not equals:
            raise UserError(f"-T takes name=value, not {pair!r}")
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError:
            raise UserError(f"-T {name}: the value {text!r} is not YAML") from None
        if isinstance(value, str) and "," in value:
            value = value.split(",")
        arguments[name.replace("-", "_")] = value
    return arguments
