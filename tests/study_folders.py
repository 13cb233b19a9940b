"""Copies of studies in folders of their own, with other texts."""

import shutil
from pathlib import Path

from kidney_evals.studies import datasets_dir

SCHOLARSHIP = Path(__file__).with_name("data") / "scholarship"
"""A study of our own, of another good."""


def copied(study: str | Path, folder: Path, *changes: tuple[str, str, str]) -> Path:
    """Copy a shipped study or a folder to a new one; a change is a file, a text and a new text."""
    shutil.copytree(datasets_dir() / study, folder)
    for change in changes:
        edit(folder, *change)
    return folder


def edit(folder: Path, file: str, old: str, new: str) -> None:
    """Replace the first place of a text in a file."""
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")
