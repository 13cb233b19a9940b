"""Upload an adapter to the Hugging Face Hub, private by default."""

import re
import shlex
from pathlib import Path
from textwrap import shorten
from typing import Final

from kidney_evals.errors import UserError
from kidney_evals.finetuning.base import check_adapter, is_hub_id
from kidney_evals.finetuning.environment import load_env
from kidney_evals.finetuning.training_report import ADAPTER_FILE, NOT_MEASURED

_CARD: Final = "README.md"
_NAME: Final = re.compile(
    r"(?!.*(--|\.\.|\.git$))(?=.{3,96}$)\w([\w.-]*\w)?/\w([\w.-]*\w)?", re.ASCII
)
"""Names that the Hub's client accepts: no two adjacent dots or dashes, none at an end."""

_REMEDIES: Final = {
    401: "; the Hub does not accept the token: `hf auth login`, or set HF_TOKEN",
    403: "; the token may not write there: take a token with write access, or another OWNER",
}
"""What to do about an HTTP status; the Hub's own message does not say so."""


def check_push(name: str) -> None:
    """Check the name and the token of an upload, before training or sending anything.

    Raises:
        UserError: `name` is not of the form owner/name, or there is no token of the Hub.
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
    """Upload the files of an adapter's folder, except hidden files, as one commit to `owner/name`.

    An existing repository keeps its visibility and its files with other names. The returned line
    has the address and the visibility, and says if side effects were not measured.

    Args:
        adapter: The adapter's folder.
        name: The repository, as owner/name.
        public: Whether the repository may be public; a new one then is.

    Raises:
        UserError: The base is a local folder, a file is missing, the repository is public but
            `public` is false, or the upload failed.
    """
    from huggingface_hub import CommitOperationAdd, HfApi

    base = check_adapter(adapter)
    if not is_hub_id(base):
        raise UserError(
            f"the base of {adapter} is a folder of this machine ({base}): train on a base of the "
            "Hub to push"
        )
    for needed in (ADAPTER_FILE, _CARD):
        if not (adapter / needed).is_file():
            raise UserError(f"{adapter} is no whole adapter ({needed} is missing)")
    files = [one for one in adapter.iterdir() if one.is_file() and not one.name.startswith(".")]
    hub = HfApi()
    try:
        hub.create_repo(name, private=not public, exist_ok=True)
        private = hub.model_info(name).private
        if not private and not public:
            raise UserError(f"{name} is public on the Hub: push with --public, or to another name")
        # Not upload_folder, which may create several commits.
        commit = hub.create_commit(
            name,
            [CommitOperationAdd(file.name, file) for file in sorted(files)],
            commit_message="Adapter, card and training report",
        )
    except UserError:
        raise
    except Exception as error:
        # huggingface_hub does not convert errors of its HTTP client, and the client has changed.
        why = shorten(getattr(error, "server_message", None) or str(error), 200)
        status = getattr(getattr(error, "response", None), "status_code", 0)
        why = (why or type(error).__name__) + _REMEDIES.get(status, "")
        again = ["kidney-evals", "sft", "push", str(adapter), name, *["--public"] * public]
        raise UserError(
            f"pushing to {name} failed ({why}); the adapter is whole in {adapter}: "
            f"try again with `{shlex.join(again)}`"
        ) from error
    line = f"pushed to {commit.repo_url}, {'private' if private else 'public'}"
    if NOT_MEASURED.encode() in (adapter / _CARD).read_bytes():
        line += "; its card says that side effects were not measured"
    return line
