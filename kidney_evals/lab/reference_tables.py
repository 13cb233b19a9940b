"""Regenerating every shipped table that derives from raw rows, byte for byte."""

from __future__ import annotations

import json
from pathlib import Path

from kidney_evals.human.raw import COMMIT, SHA256, find_raw, read_study_1, read_study_2
from kidney_evals.human.sources import DRAWS
from kidney_evals.lab.drawn_study import drawn_tables
from kidney_evals.lab.fixed_study import fixed_tables
from kidney_evals.studies import load_study
from kidney_evals.whole import write_outputs

REFERENCE_VERSIONS = {"mcelfresh_2021": "2", "mcelfresh_2021_fixed": "1"}
"""Of each study's tables, bumped whenever a shipped number changes that a score can depend on."""

REFERENCE_FOLDER = "reference"


def build_reference(
    data_dir: Path, out_dir: Path | None = None, *, overwrite: bool = False
) -> list[Path]:
    """Write the reference tables of `mcelfresh_2021` and `mcelfresh_2021_fixed`.

    Args:
        data_dir: Folder with the raw files, or with a folder `mcelfresh_2021` that holds them.
        out_dir: Where to write `<study>/reference/…`; None writes into the shipped studies.
        overwrite: Whether to replace files that are no tables of this package.

    Returns:
        The files written, sorted.

    Raises:
        UserError: The raw files are missing or not the published ones, or a table cannot be
            written.
    """
    raw = find_raw(Path(data_dir))
    contents: dict[str, bytes] = {}
    for study_id, files in (
        ("mcelfresh_2021_fixed", fixed_reference(raw)),
        ("mcelfresh_2021", drawn_reference(raw)),
    ):
        root = load_study(study_id).path if out_dir is None else Path(out_dir) / study_id
        for name, text in files.items():
            contents[str(root / REFERENCE_FOLDER / name)] = text.encode("utf-8")
    write_outputs(contents, overwrite=overwrite, inputs=[raw / name for name in SHA256])
    return sorted(map(Path, contents))


def fixed_reference(raw: Path) -> dict[str, str]:
    """Return the tables of `mcelfresh_2021_fixed` by file name."""
    study = load_study("mcelfresh_2021_fixed")
    files = fixed_tables(study, *read_study_1(raw))
    return {"reference.json": _about(study.id, ["study_1.csv"]), **files}


def drawn_reference(raw: Path) -> dict[str, str]:
    """Return the tables of `mcelfresh_2021` by file name."""
    study = load_study("mcelfresh_2021")
    files = drawn_tables(study, *read_study_2(raw))
    return {
        "reference.json": _about(study.id, ["study_2_indecisive.csv", "study_2_strict.csv"]),
        **files,
    }


def _about(study: str, sources: list[str]) -> str:
    about = {
        "version": REFERENCE_VERSIONS[study],
        "aggregate": "every number sums over people; no row belongs to a person",
        "repository": "https://github.com/duncanmcelfresh/indecision-modeling",
        "commit": COMMIT,
        "source_licence": "GPL-2.0",
        "source_sha256": {name: SHA256[name] for name in sources},
        "bootstrap_draws": DRAWS,
    }
    return json.dumps(about, indent=2) + "\n"
