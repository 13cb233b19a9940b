"""Download the raw files of McElfresh et al. (2021) from a pinned commit."""

import os
from http.client import HTTPException
from pathlib import Path
from urllib.request import urlopen

from kidney_evals.errors import UserError
from kidney_evals.human.raw import FOLDER, SHA256, SOURCE, sha256
from kidney_evals.output_files import check_output, write_output

_TIMEOUT_S = 30
_LARGEST = 5_000_000  # bytes; the largest of the three files has 170,000


def fetch_raw(
    cache_dir: Path | None = None, *, source: str = SOURCE, overwrite: bool = False
) -> Path:
    """Download the raw files that are missing, check all three, and return their folder.

    The folder lies in `cache_dir`, by default `kidney_evals` in `XDG_CACHE_HOME` or `~/.cache`.
    `source` is the address of the folder of the files. `overwrite` also replaces files of the same
    names that are not the published files.

    Raises:
        UserError: A file cannot be downloaded or written, or differs from the published file.
    """
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(cache_dir or Path(base, "kidney_evals")) / FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write to {folder} ({error.strerror}); name another") from error
    for name, expected in SHA256.items():
        path = folder / name
        if path.is_file() and sha256(path.read_bytes()) == expected:
            continue
        if check_output(path, overwrite=overwrite) and not overwrite:
            raise UserError(
                f"{path} is not the published file: name another folder, or pass --overwrite"
            )
        try:
            with urlopen(f"{source}/{name}", timeout=_TIMEOUT_S) as response:
                content = bytes(response.read(_LARGEST))
        except (OSError, HTTPException) as error:
            raise UserError(
                f"cannot download {source}/{name} ({error}); offline, copy {', '.join(SHA256)} "
                f"from another machine into {folder}"
            ) from error
        if (actual := sha256(content)) != expected:
            raise UserError(
                f"{source}/{name} is not the published file: its SHA-256 is {actual[:12]}…, "
                f"expected {expected[:12]}…; nothing was written"
            )
        write_output(path, content, overwrite=overwrite)
    return folder
