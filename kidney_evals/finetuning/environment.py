"""Environment variables from a `.env` file, as Inspect reads them."""

from __future__ import annotations

from dotenv import find_dotenv, load_dotenv

from kidney_evals.errors import UserError


def load_env() -> None:
    """Set the variables of the nearest `.env` file, from the working folder upwards.

    Variables that are set already keep their values. `inspect eval` does the same, so that keys
    are found alike.

    Raises:
        UserError: The file cannot be read.
    """
    path = find_dotenv(usecwd=True)
    if not path:
        return
    try:
        load_dotenv(path)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error})") from error
    except ValueError:
        # Not its words: they may repeat a part of the file.
        raise UserError(
            f"{path} cannot be read: it must be UTF-8 text of NAME=VALUE lines"
        ) from None
