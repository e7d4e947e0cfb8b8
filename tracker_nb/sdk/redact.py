"""Taking secrets out of text before it is stored: what looks like a key, and what the environment says is one.

A net, not a wall: a secret that looks like an ordinary word passes. What is caught is replaced by `MARK`, so that a
reader sees that something stood there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence

MARK = "[redacted]"
SHORTEST = 6
"""Values of the environment that are shorter are words such as true, and stand in every text."""

_NAMES = re.compile(r"KEY|TOKEN|SECRET|PASSW(?:OR)?D|PASSPHRASE|CREDENTIAL", re.IGNORECASE)

# Each keeps its groups and loses the rest. None backtracks: every repetition is of one class of characters, and bounded
# by one that is not in it.
_SHAPES = [
    re.compile(pattern)
    for pattern in (
        r"\b(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}\b",  # AWS access key id
        r"\bgh[pousr]_[A-Za-z0-9]{20,255}",  # GitHub
        r"\bgithub_pat_[A-Za-z0-9_]{20,255}",
        r"\bglpat-[A-Za-z0-9_-]{20,255}",  # GitLab
        r"\bhf_[A-Za-z0-9]{20,255}",  # Hugging Face
        r"\bsk-[A-Za-z0-9_-]{20,255}",  # OpenAI, Anthropic
        r"\bxox[abeoprs]-[A-Za-z0-9-]{10,255}",  # Slack
        r"\bAIza[A-Za-z0-9_-]{35}",  # Google
        r"\b[rsp]k_(?:live|test)_[A-Za-z0-9]{16,255}",  # Stripe
        r"\bpypi-[A-Za-z0-9_-]{50,512}",
        r"\bnpm_[A-Za-z0-9]{36}",
        r"\beyJ[A-Za-z0-9_-]{8,8192}\.[A-Za-z0-9_-]{8,8192}\.[A-Za-z0-9_-]{0,8192}",  # JSON web token
        r"-----BEGIN (?:[A-Z]{2,16} ){0,3}PRIVATE KEY-----[^-]{0,65536}(?:-----END [A-Z ]{4,40}-----)?",
        r"(?<![0-9A-Za-z])[0-9a-f]{40}(?![0-9A-Za-z])",  # W&B, and much else: 40 hexadecimal digits
    )
]
_CREDENTIALS = re.compile(r"\b([a-z][a-z0-9+.-]{1,30}://[^\s/:@'\"]{0,200}:)[^\s/@'\"]{1,500}(?=@)", re.IGNORECASE)
_BEARER = re.compile(r"\b((?:Bearer|Basic)[ ]{1,4})[A-Za-z0-9._~+/=-]{12,2048}")
# password = "…", "api_key": '…', os.environ["X_TOKEN"] = "…", --token=…
_ASSIGNED = re.compile(
    r"""((?:passw(?:or)?d|passphrase|secret|token|api_?key|access_?key|private_?key|credentials?)[A-Za-z0-9_]{0,40}
         ["']?\]?[ ]{0,4}(?::|=(?!=))[ ]{0,4}(?:[rbufRBUF]{0,2})(["']))[^"'\n]{1,4096}(?=\2)""",
    re.IGNORECASE | re.VERBOSE,
)
_SECRET_OPTION = re.compile(
    r"--?(?:[a-z0-9]+[-_])*(?:password|passwd|passphrase|token|(?:api|access|private|secret)[-_]?key|secret|credentials?)",
    re.IGNORECASE,
)
_OPTION = re.compile(r"(--?(?:password|passwd|token|api[-_]?key|secret)(?:=|[ ]{1,4}))[^\s'\"]{4,1024}", re.IGNORECASE)


def redact(text: str, environment: Mapping[str, str] | None = None) -> str:
    """The text with everything that looks like a secret replaced by `MARK`.

    Args:
        environment: where values of variables named like secrets come from; default: this process's.
    """
    return _without(text, secrets_of(os.environ if environment is None else environment))


def _without(text: str, values: Iterable[str]) -> str:
    for value in values:
        if value in text:
            text = text.replace(value, MARK)
    text = _CREDENTIALS.sub(rf"\1{MARK}", text)
    text = _ASSIGNED.sub(rf"\1{MARK}", text)
    text = _OPTION.sub(rf"\1{MARK}", text)
    text = _BEARER.sub(rf"\1{MARK}", text)
    for shape in _SHAPES:
        text = shape.sub(MARK, text)
    return text


def redact_arguments(arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> list[str]:
    """The arguments of a program with what looks like a secret replaced: also what follows an option such as --token."""
    given = secrets_of(os.environ if environment is None else environment)
    found = []
    after = ""
    for argument in arguments:
        name, equals, _ = argument.partition("=")
        if _SECRET_OPTION.fullmatch(after) and not argument.startswith("-"):
            found.append(MARK)
        elif equals and _SECRET_OPTION.fullmatch(name):
            found.append(f"{name}={MARK}")
        else:
            found.append(_without(argument, given))
        after = argument
    return found


def secrets_of(environment: Mapping[str, str]) -> list[str]:
    """Values of variables whose name says that they are secret, longest first: one may be part of another."""
    found = {
        value.strip() for name, value in environment.items() if _NAMES.search(name) and len(value.strip()) >= SHORTEST
    }
    return sorted((value for value in found if value not in MARK and "\n" not in value[:2]), key=len, reverse=True)
