"""Explain a provider's error from its text: the reason, the remedy, whether credit has run out."""

import ast
import html
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from importlib.resources import files
from typing import Any, Final

import yaml

_WORDING: Final[dict[str, Any]] = yaml.safe_load(
    files("kidney_evals").joinpath("provider_errors.yaml").read_text(encoding="utf-8")
)
"""Texts of providers' errors and their meanings."""

_EXHAUSTED: Final = re.compile(_WORDING["exhausted_phrases"], re.VERBOSE | re.DOTALL)

_QUOTA: Final = re.compile(r"exceeded your (?:current|monthly) .{0,30}quota.{0,60}billing")
_WINDOW: Final = re.compile(
    r"quotaid|quotametric|retrydelay|retryinfo|retry in|try again in|per ?minute|per ?second|"
    r"per ?day|resource_exhausted"
)
"""Matches a rate limit's time window. OpenAI reports an empty account as an exceeded quota. Gemini
reports a rate limit as an exceeded quota too, but names the window.
"""

_KEYS: Final = re.compile(
    r"\S*\*{2,}\S*|\b(?:sk|pk|rk|gsk|xai|hf|r8|pplx|fw|key|nvapi|AIza)[-_][\w*.-]{6,}|"
    r"\bAIza[\w-]{10,}|(?i:\bbearer +)\S+|(?<=://)[^\s/@]+(?=@)|"
    r"(?i:(?<=[?&])[\w-]*(?:key|token|secret|signature|password)=)[^\s&'\"]+"
)
"""Matches keys: providers repeat part of a wrong key, and SDKs repeat the request's address."""

LONGEST_REASON: Final = 300
"""Maximum length of a displayed reason, in characters."""

_MALFORMED: Final = (ValueError, SyntaxError, MemoryError, RecursionError, IndexError)
"""Errors of parsers on a text that they cannot read."""

_LONGEST_ERROR: Final = 8_000
"""Number of characters of an error that are searched: a server may return a whole web page."""


def reason_of(error: str, longest: int = LONGEST_REASON) -> str:
    """Return the provider's message in an error, without API keys, cut to `longest` characters."""
    text = _without_repr(_bare(error))
    message = next((one for one in map(_message, _bodies(text)) if one), None)
    if message is None:
        message = re.sub(
            r"^(?:error code|status(?: code)?)?:? *\d{3}\b[ :.-]*", "", text, flags=re.I
        )
    if re.search(r"<(?:!doctype|html|body)\b", message, re.IGNORECASE):
        message = _page(message)
    line = " ".join(_KEYS.sub("…", message).split())
    line = re.sub(r"^(['\"])([^'\"]*)\1$", r"\2", line)
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def status_of(error: str) -> int | None:
    """Return the HTTP status in the text of an error; None if the text names none."""
    found = re.search(
        r"(?:error code|status(?:[ _]code)?|http|['\"]code['\"])[\s:=]*(?:HTTP/\S+ )?([1-5]\d\d)\b"
        r"|^\s*([45]\d\d)\b",
        _bare(error),
        re.IGNORECASE,
    )
    return int(found[1] or found[2]) if found else None


def is_out_of_credit(error: str, status: int | None = None) -> bool:
    """Return whether an error means that the account cannot pay.

    `error` is its text with the response body; `status` the HTTP status, by default from the text.
    """
    if (status or status_of(error)) == 402:
        return True
    text = re.sub(r"https?://\S+", "", _bare(error)).lower()
    if any(code in text for code in _WORDING["exhausted_codes"]):
        return True
    # Codes are words with underscores between them.
    words = text.replace("_", " ")
    return bool(_EXHAUSTED.search(words) or (_QUOTA.search(text) and not _WINDOW.search(text)))


def remedy_for(error: str, *, status: int | None = None, key: str | None = None) -> str:
    """Return the remedy for an error, as a sentence; empty if none is known.

    `status` is the HTTP status, by default from the text. `key` is the name of the environment
    variable with the provider's key.
    """
    status = status or status_of(error)
    # The codes and parameters beside a message, which the message may omit, count too.
    codes = re.findall(r"""['"](?:code|type|param|status)['"]: *['"]([^'"]+)['"]""", _bare(error))
    text = f"{reason_of(error)} {' '.join(codes)}".lower()
    if is_out_of_credit(error, status):
        fewer = "" if "max_tokens" not in text else ", or ask for fewer tokens with `--max-tokens`"
        return f"Add credit or raise the limit{fewer}, then run `inspect eval-retry` on this log."
    special = {"LOGPROBS": _logprobs_remedy, "PARAMETER": _parameter_remedy}
    for known in _WORDING["remedies"]:
        fits = status in known.get("statuses", [status])
        if fits and re.search(known.get("pattern", ""), text, re.DOTALL):
            rule = known["remedy"]
            remedy = special[rule](text) if rule in special else rule
            if remedy:
                named = f"the key in {key}" if key else "the provider's key"
                return str(remedy).replace("{key}", named)
    return ""


def _logprobs_remedy(text: str) -> str:
    """Return the remedy for a refusal of log-probabilities, or of their number."""
    refused = re.search(r"not supported|unsupported|not support|not allowed|unknown|unrecog", text)
    if not refused and ("top_logprobs" in text or re.search(r"\d", text)):
        numbers = [int(number) for number in re.findall(r"(?<![\w.])\d+(?!\w|\.\d)", text)]
        # A 1 beside another number is the lower bound of a range.
        most = min((one for one in numbers if 1 < one < 20), default=1 if numbers == [1] else 5)
        return f"Run with `--top-logprobs {most}`."
    return (
        "This model gives no log-probabilities here: run with `-T readout=sample` and leave "
        "`--logprobs` and `--top-logprobs` unset."
    )


def _parameter_remedy(text: str) -> str:
    """Return the remedy for a refused parameter; quoted names take precedence."""
    for quote, end in ((r"['\"`]", r"['\"`]"), (r"(?<![\w.])", r"(?![\w.])")):
        for name in sorted(_WORDING["options"], key=len, reverse=True):
            if len(name) > 1 and re.search(f"{quote}{re.escape(name)}{end}", text):
                options = _WORDING["options"][name].replace(" and ", "` and `")
                return f"Leave `{options}` unset, or set a value that the model takes."
    return ""


def most_frequent(errors: Iterable[str | None]) -> str:
    """Return a sentence on the number of errors, and the most frequent reason with its remedy.

    None in `errors` stands for a sample without an error. The sentence is "" if all are None.
    """
    alike: dict[str, list[str]] = {}
    for error in filter(None, errors):
        alike.setdefault(signature_of(error), []).append(error)
    if not alike:
        return ""
    often = max(alike.values(), key=len)
    total = sum(map(len, alike.values()))
    share = f", {len(often)} of them with" if len(often) < total else ":"
    return f"{total} sample{'s' * (total > 1)} ended in an error{share} {explained(often[0])}"


def why_failed(message: str, errors: Iterable[str | None]) -> str:
    """Return why a run failed, on one line: the log's error `message`, or else its samples' errors.

    After too many samples with errors Inspect writes no `message`, which is then "".
    """
    # The error of a run that this package stopped already holds a reason and a remedy.
    return reason_of(message, 3 * LONGEST_REASON) or most_frequent(errors) or "no reason given"


def explained(error: str, *, status: int | None = None, key: str | None = None) -> str:
    """Return the reason of an error as a sentence, and the remedy if one is known.

    `status` and `key` are those of `remedy_for`.
    """
    reason = reason_of(error) or "no reason given"
    reason = reason if reason.endswith((".", "!", "?", "…")) else f"{reason}."
    remedy = remedy_for(error, status=status, key=key)
    return reason if not remedy or remedy in reason else f"{reason} {remedy}"


def signature_of(error: str) -> str:
    """Return an error's reason without ids and numbers: equal for errors of the same cause."""
    return re.sub(r"\S*\d\S*", "#", reason_of(error).lower())


def _bare(error: str) -> str:
    """Return an error, truncated and without the request that Inspect prepends."""
    text = error.strip()
    if text.startswith("Request:\n"):
        # A log's summary truncates a long text, so the error itself may be missing.
        _, found, text = text.rpartition("\n\n")
        text = text.strip() if found else ""
    return text[:_LONGEST_ERROR]


def _without_repr(text: str) -> str:
    """Return the argument of `SomeError('…')`, the `repr` of an exception."""
    if found := re.fullmatch(r"\w+\((.*)\)", text, re.DOTALL):
        with suppress(*_MALFORMED):
            return str(ast.literal_eval(f"({found[1]},)")[0])
    return text


def _bodies(text: str) -> Iterator[Any]:
    """Yield each response body in a text, as JSON or as a Python literal."""
    start, end = text.find("{"), text.rfind("}")
    for parse in (json.loads, ast.literal_eval) if 0 <= start < end else ():
        with suppress(*_MALFORMED):
            yield parse(text[start : end + 1])
            return
    quoted = re.search(r"""['"]message['"]: (['"])(?P<message>.+?)\1[,}]""", text, re.DOTALL)
    if quoted:
        yield {"message": quoted["message"]}


def _message(body: Any) -> str | None:
    """Return the sentence in the body of an error response."""
    if isinstance(body, str):
        return body
    if isinstance(body, list):
        return next((one for one in map(_message, body) if one), None)
    if not isinstance(body, dict):
        return None
    if body.get("loc") and body.get("msg"):
        # FastAPI: the location of a wrong field, then the problem.
        place = [str(one) for one in body["loc"] if one not in ("body", "query")]
        return f"{'.'.join(place)}: {body['msg']}"
    raw = body.get("metadata")
    if isinstance(raw, dict) and isinstance(raw.get("raw"), str) and raw["raw"]:
        # OpenRouter: "Provider returned error", with the provider's own words beside it.
        inner = next((one for one in map(_message, _bodies(raw["raw"])) if one), raw["raw"])
        return f"{body.get('message', '')}: {inner}"
    for name in ("error", "message", "detail", "details", "msg", "errors", "error_message"):
        if body.get(name) and (found := _message(body[name])):
            return found
    return None


def _page(text: str) -> str:
    """Return the title, or else the text, of a web page that was returned instead of an answer."""
    title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
    words = title[1] if title else re.sub(r"<[^>]*>", " ", text)
    return f"a web page instead of an answer: {html.unescape(words).strip()}"
