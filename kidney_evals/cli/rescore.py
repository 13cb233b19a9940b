"""`kidney-evals rescore`: score a log again with the installed package."""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from inspect_ai import score
from inspect_ai.log import EvalLog, write_eval_log
from inspect_ai.scorer import Scorer

from kidney_evals.cli.logs import read_run_log
from kidney_evals.cli.terminal import say
from kidney_evals.elicitation.stated_questions import ASKS
from kidney_evals.errors import UserError
from kidney_evals.estimation.quantity import Quantity, undefined
from kidney_evals.output_files import check_output, on_this_machine, write_output
from kidney_evals.reporting.rows import rows_of, stored_rows
from kidney_evals.reporting.runs import as_written, installed
from kidney_evals.scorers import human_alignment, predictions, stated

LOG_ENDINGS = (".eval", ".json")
"""File name endings of Inspect's log formats."""


def rescore_log(name: str, output: str | None, *, any_reference: bool, overwrite: bool) -> None:
    """Score a log again, write the result to another file and print the rows that differ.

    Args:
        name: File or address of the log.
        output: File or address of the result; by default NAME-scored in the folder of the log.
        any_reference: Whether the study or the human tables may have changed since the run.
        overwrite: Whether the result may replace an existing file.

    Raises:
        UserError: The log cannot be scored, or the result cannot be written.
    """
    log = read_run_log(name, any_reference=any_reference)
    target = _target(log.location, output, overwrite)
    # The scorers call no model. The log's models are not set up: a client or key may be missing.
    roles, log.eval.model_roles = log.eval.model_roles, None
    # The rows are those of the installed version.
    log.eval.metrics = None
    with as_written(log.location):
        scored = score(log, _scorer(log, any_reference), model="none/none", action="overwrite")
        _renew_card(scored)
    scored.eval.model_roles = roles
    if any_reference:
        # The samples record the run's reference, this field the reference of the new scores.
        facts = (log.samples or [])[0].metadata
        study, people, _ = installed(facts["study_source"], facts["condition"])
        hashes = {"study": study.hash, "human reference": people.sha256}
        scored.eval.metadata = (scored.eval.metadata or {}) | {"rescored_against": hashes}
    try:
        with TemporaryDirectory() as folder:
            place = Path(folder) / PurePosixPath(target).name
            write_eval_log(scored, str(place))
            content = place.read_bytes()
    except OSError as error:
        # A full or unwritable folder for temporary files.
        raise UserError(f"cannot write {target} ({error.strerror or error})") from error
    write_output(target, content, overwrite=overwrite, inputs=[name])
    before, after = stored_rows(log), stored_rows(scored)
    moved = {row: told for row in before | after if (told := _changes(row, before, after))}
    say(f"{len(after)} rows, {len(moved)} differ from the log's own; written to {target}")
    for row, told in moved.items():
        say(f"  {row}: {told}")


def _changes(row: str, *rows: Mapping[str, Quantity]) -> str:
    """Return the numbers of a row that differ, as text; a row that is absent is undefined."""
    labels = ("", "low ", "high ", "people ", "n ")
    columns = zip(labels, *(one.get(row, undefined()) for one in rows), strict=True)
    # NaN is equal to itself here.
    return ", ".join(f"{name}{a} -> {b}" for name, a, b in columns if repr(a) != repr(b))


def _renew_card(log: EvalLog) -> None:
    """Replace the card in the log's results, which the scorers do not write."""
    card, results = rows_of(log).card, log.results
    if card is None or results is None:
        return
    if results.early_stopping is not None:
        results.early_stopping.metadata |= {"card": card.to_dict()}
    else:
        results.metadata = (results.metadata or {}) | {"card": card.to_dict()}


def _scorer(log: EvalLog, any_reference: bool) -> Scorer:
    """Return the scorer of the task; the log may also hold scores by scorers of other tasks."""
    facts = (log.samples or [])[0].metadata
    if facts.get("asks") == ASKS:
        return stated(any_reference=any_reference)
    if "drawn_dilemmas" in facts:
        return predictions(any_reference=any_reference)
    return human_alignment(any_reference=any_reference)


def _target(name: str, output: str | None, overwrite: bool) -> str:
    """Return the path or URL of the result, after checking that it can be written."""
    if output is None:
        path = on_this_machine(name)
        if isinstance(path, str):
            raise UserError(f"{path} is not on this machine; name a file with --output")
        output = str(path.with_name(f"{path.stem}-scored{path.suffix}"))
    if PurePosixPath(output).suffix not in LOG_ENDINGS:
        raise UserError(f"{output} must end in {' or '.join(LOG_ENDINGS)}")
    # A log is replaced only on request, even if an earlier call of this command wrote it.
    if check_output(output, overwrite=overwrite, inputs=[name]) and not overwrite:
        raise UserError(f"{output} exists; name another file with --output, or pass --overwrite")
    return output
