"""Upload an adapter to the Hugging Face Hub, private by default."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from textwrap import shorten
from typing import Final

from kidney_evals.errors import UserError
from kidney_evals.finetuning.base import check_adapter, is_hub_id
from kidney_evals.finetuning.environment import load_env
from kidney_evals.finetuning.training_report import ADAPTER_FILE, NOT_MEASURED

CARD: Final = "README.md"

_NAME: Final = re.compile(
    r"(?!.*(--|\.\.|\.git$))(?=.{3,96}$)\w([\w.-]*\w)?/\w([\w.-]*\w)?", re.ASCII
)
"""Names that the Hub's client accepts: no two adjacent dots or dashes, none at an end."""

_MEANING: Final = {
    401: "it does not accept the token: `hf auth login`, or set HF_TOKEN",
    403: "the token may not write there",
}
"""Explanations of HTTP statuses that the Hub's message does not explain."""

_LONGEST: Final = 200
"""Maximum length of the Hub's message in an error, in characters."""


def check_push(name: str) -> None:
    """Raise an error for an upload that cannot succeed, before training or sending anything.

    Raises:
        UserError: The name is not a valid `owner/name` of the Hub, or no user is logged in.
    """
    load_env()
    from huggingface_hub import get_token

    if not _NAME.fullmatch(name):
        raise UserError(
            "a name on the Hub is owner/name, of letters, digits and single '-', '_' or '.', "
            f"not {name!r}"
        )
    if not get_token():
        raise UserError("nobody is logged in to the Hub: `hf auth login`, or set HF_TOKEN")


def push_adapter(adapter: Path, name: str, *, public: bool = False) -> str:
    """Upload the files of an adapter's folder, except hidden files, as one commit.

    An existing repository keeps its files and its visibility.

    Args:
        adapter: The folder.
        name: The repository, `owner/name`.
        public: Whether a new repository is public.

    Returns:
        A line with the adapter's address, its visibility, and whether its side effects were
        measured.

    Raises:
        UserError: The folder holds no adapter that others could use, the repository is public
            but `public` is false, or the Hub refuses. The adapter is unchanged.
    """
    from huggingface_hub import CommitOperationAdd, HfApi

    files = _files(adapter)
    measured = NOT_MEASURED not in (adapter / CARD).read_text(encoding="utf-8")
    hub = HfApi()
    try:
        hub.create_repo(name, private=not public, exist_ok=True)
        private = hub.model_info(name).private
        if not private and not public:
            raise UserError(f"{name} is public on the Hub: push with --public, or to another name")
        # Not upload_folder, which may create several commits.
        commit = hub.create_commit(
            name,
            [CommitOperationAdd(file.name, file) for file in files],
            commit_message="Adapter, card and training report",
        )
    except UserError:
        raise
    except Exception as error:
        # huggingface_hub does not convert errors of its HTTP client, and the client has changed.
        again = ["kidney-evals", "sft", "push", str(adapter), name, *["--public"] * public]
        raise UserError(
            f"pushing to {name} failed ({_why(error)}); the adapter is whole in {adapter}: try "
            f"again with `{shlex.join(again)}`"
        ) from error
    line = f"pushed to {commit.repo_url}, {'private' if private else 'public'}"
    if public and private:
        line += " as it was before: on the Hub, its settings make it public"
    return line if measured else line + "; its card says that side effects were not measured"


def _files(adapter: Path) -> list[Path]:
    """Return the files to upload; raise `UserError` for a folder that others could not use."""
    base = check_adapter(adapter)
    if not is_hub_id(base):
        raise UserError(
            f"the base of {adapter} is a folder of this machine ({base}), where nobody else could "
            "load it from: train on a base of the Hub to push"
        )
    for needed in (ADAPTER_FILE, CARD):
        if not (adapter / needed).is_file():
            raise UserError(f"{adapter} is no whole adapter ({needed} is missing)")
    return sorted(
        one for one in adapter.iterdir() if one.is_file() and not one.name.startswith(".")
    )


def _why(error: Exception) -> str:
    """Return the reason of an error on one line."""
    from huggingface_hub.errors import HfHubHTTPError

    if not isinstance(error, HfHubHTTPError):
        return shorten(str(error), _LONGEST) or type(error).__name__
    status = error.response.status_code
    message = shorten(error.server_message or "", _LONGEST) or error.response.reason_phrase
    meaning = f"; {_MEANING[status]}" if status in _MEANING else ""
    return f"the Hub says {status}, {message}{meaning}"
