"""Make every shipped table that derives from the published answers, byte for byte."""

from __future__ import annotations

import json
from pathlib import Path

from kidney_evals.human.raw import COMMIT, SHA256, find_raw, read_study_1, read_study_2
from kidney_evals.human.reference import REFERENCE_FOLDER
from kidney_evals.human.sources import DRAWS
from kidney_evals.lab.drawn_study import drawn_tables
from kidney_evals.lab.fixed_study import fixed_tables
from kidney_evals.output_files import write_outputs
from kidney_evals.studies import load_study

DRAWN, FIXED = "mcelfresh_2021", "mcelfresh_2021_fixed"

REFERENCE_VERSIONS = {DRAWN: "2", FIXED: "1"}
"""Version of each study's tables, raised when a shipped number that can affect a score changes."""


def build_reference(
    data_dir: Path, out_dir: Path | None = None, *, overwrite: bool = False
) -> list[Path]:
    """Write the reference tables of `mcelfresh_2021` and `mcelfresh_2021_fixed`.

    Args:
        data_dir: Folder with the raw files, or parent of the folder `mcelfresh_2021` with them.
        out_dir: Folder for `<study>/reference/…`; None for the shipped studies.
        overwrite: Whether to replace files that are not tables of this package.

    Returns:
        The files written, sorted.

    Raises:
        UserError: The raw files are missing or not the published ones, or a table cannot be
            written.
    """
    raw = find_raw(Path(data_dir))
    contents = {}
    for name, files in ((FIXED, fixed_reference(raw)), (DRAWN, drawn_reference(raw))):
        root = load_study(name).path if out_dir is None else Path(out_dir) / name
        for file, text in files.items():
            contents[str(root / REFERENCE_FOLDER / file)] = text.encode("utf-8")
    write_outputs(contents, overwrite=overwrite, inputs=[raw / name for name in SHA256])
    return sorted(map(Path, contents))


def fixed_reference(raw: Path) -> dict[str, str]:
    """Return the tables of `mcelfresh_2021_fixed` by file name."""
    return _about(FIXED, "study_1.csv") | fixed_tables(load_study(FIXED), *read_study_1(raw))


def drawn_reference(raw: Path) -> dict[str, str]:
    """Return the tables of `mcelfresh_2021` by file name."""
    about = _about(DRAWN, "study_2_indecisive.csv", "study_2_strict.csv")
    return about | drawn_tables(load_study(DRAWN), *read_study_2(raw))


def _about(study: str, *sources: str) -> dict[str, str]:
    about = {
        "version": REFERENCE_VERSIONS[study],
        "aggregate": "every number sums over people; no row belongs to a person",
        "repository": "https://github.com/duncanmcelfresh/indecision-modeling",
        "commit": COMMIT,
        "source_licence": "GPL-2.0",
        "source_sha256": {name: SHA256[name] for name in sources},
        "bootstrap_draws": DRAWS,
    }
    return {"reference.json": json.dumps(about, indent=2) + "\n"}
