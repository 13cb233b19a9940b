"""`kidney-evals sft`: fine-tune a model on answers, and measure the changes."""

from __future__ import annotations

import click

from kidney_evals.cli.sft_evaluate import evaluate
from kidney_evals.cli.sft_export import export
from kidney_evals.cli.sft_submit import status, submit, wait
from kidney_evals.cli.sft_train import merge, push, train
from kidney_evals.cli.terminal import Group


@click.group(cls=Group)
def sft() -> None:
    """Fine-tune a model on people's answers, and measure what that changed."""


for command in (export, train, merge, push, evaluate, submit, status, wait):
    sft.add_command(command)
