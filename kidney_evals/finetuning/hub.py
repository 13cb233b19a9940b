"""Uploading an adapter to the Hugging Face Hub, private unless told otherwise."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from textwrap import shorten
from typing import Final

from kidney_evals.errors import UserError
from kidney_evals.finetuning.base import check_adapter, is_hub_id
from kidney_evals.finetuning.environment import load_env
from kidney_evals.finetuning.model_card import NOT_MEASURED
from kidney_evals.finetuning.training_report import ADAPTER_FILE

CARD: Final = "README.md"

_NAME: Final = re.compile(
    r"(?!.*(--|\.\.|\.git$))(?=.{3,96}$)\w([\w.-]*\w)?/\w([\w.-]*\w)?", re.ASCII
)
"""What the Hub's client takes: no two dots or dashes in a row, none at an end, 96 letters."""

_MEANING: Final = {
    401: "it does not accept the token: `hf auth login`, or set HF_TOKEN",
    403: "the token may not write there",
}
"""What the Hub's own words for an answer leave open."""

_LONGEST: Final = 200
"""Letters of the Hub's words that fit in a line."""


def check_push(name: str) -> None:
    """Refuse a push that cannot succeed, before anything is trained or sent.

    Raises:
        UserError: The name is not `owner/name` as the Hub takes it, or nobody is logged in.
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
    """Upload an adapter's files as one commit.

    Those of its folder itself are taken, but for hidden ones. A repository that is there already
    keeps its files and who sees it.

    Args:
        adapter: The folder.
        name: Where to, `owner/name`.
        public: Whether all may see it.

    Returns:
        A line that says where it is, who sees it, and whether its side effects were measured.

    Raises:
        UserError: The folder holds no adapter that others could use, it would be public without
            having been meant to, or the Hub refuses; the adapter stays where it is.
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
        # Not upload_folder, which may take several commits.
        found = hub.create_commit(
            name,
            [CommitOperationAdd(file.name, file) for file in files],
            commit_message="Adapter, card and training report",
        )
    except UserError:
        raise
    except Exception as error:
        # huggingface_hub lets through what its HTTP client raises, and that has changed.
        again = ["kidney-evals", "sft", "push", str(adapter), name]
        raise UserError(
            f"pushing to {name} failed ({_why(error)}); the adapter is whole in {adapter}: try "
            f"again with `{shlex.join(again + ['--public'] * public)}`"
        ) from error
    told = f"pushed to {found.repo_url}, {'private' if private else 'public'}"
    if public and private:
        told += " as it was before: on the Hub, its settings make it public"
    return told if measured else told + "; its card says that side effects were not measured"


def _files(adapter: Path) -> list[Path]:
    """Return the files to upload, or refuse a folder that others could not use."""
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
    """Say in one line what went wrong."""
    from huggingface_hub.errors import HfHubHTTPError

    if not isinstance(error, HfHubHTTPError):
        return shorten(str(error), _LONGEST) or type(error).__name__
    status = error.response.status_code
    said = shorten(error.server_message or "", _LONGEST) or error.response.reason_phrase
    meaning = _MEANING.get(status)
    return f"the Hub says {status}, {said}" + (f"; {meaning}" if meaning else "")
