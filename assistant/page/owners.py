"""Whose a conversation is: the signed-in user's, or else a browser's by the signed token that it keeps."""

from __future__ import annotations

import contextlib
import hmac
import json
import secrets
from collections.abc import Mapping
from pathlib import Path

from filelock import FileLock
from itsdangerous import BadSignature, Signer
from pydantic import SecretStr

from assistant.errors import PageError, SettingsError
from assistant.storage import write_atomically

_KEY_BYTES = 32
DEFAULT_ACCOUNT = "reader"  # the name to sign in with where only a password is set


class Owners:
    """Tells visitors apart; the key that signs tokens is in `folder`, so that they outlive the server.

    Raises:
        PageError: the key can't be read or written.
    """

    def __init__(self, folder: Path) -> None:
        self._signer = Signer(_key(folder / "page.key"), salt="browser")

    def owner(self, username: str | None, token: str | None) -> tuple[str, str]:
        """The owner that a request speaks for, and the token its browser is to keep."""
        if not (known := self._browser(token)):
            token = self._signer.sign(secrets.token_urlsafe(24)).decode()
            known = self._browser(token)
        return f"user {username}" if username else f"browser {known}", token or ""

    def _browser(self, token: str | None) -> str | None:
        with contextlib.suppress(BadSignature):
            return self._signer.unsign(token).decode() if isinstance(token, str) else None
        return None


def accounts(password: SecretStr | None) -> Mapping[str, str]:
    """Who may sign in, with which password: nobody needs to where none is set.

    Raises:
        SettingsError: what should be a JSON object of passwords by name is none.
    """
    given = password.get_secret_value().strip() if password else ""
    if not given.startswith("{"):
        return {DEFAULT_ACCOUNT: given} if given else {}
    try:
        named = json.loads(given)
    except ValueError:
        named = None
    if not isinstance(named, dict) or not all(name and isinstance(p, str) and p for name, p in named.items()):
        raise SettingsError(
            'ASSISTANT_PAGE_PASSWORD is no JSON object of passwords such as {"ada": "…", "grace": "…"}; '
            "a password alone must not begin with {"
        )
    return named


def may_sign_in(known: Mapping[str, str], name: str, password: str) -> bool:
    """Whether the password is that account's, compared in constant time."""
    expected = known.get(name)
    return hmac.compare_digest((expected or "").encode(), password.encode()) and expected is not None


def _key(path: Path) -> bytes:
    """The key in the file, made the first time, for the owner of the process alone."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with FileLock(path.with_name(f"{path.name}.lock")):  # or two servers would each make one
            if not path.exists():
                write_atomically(path, secrets.token_bytes(_KEY_BYTES))
                path.chmod(0o600)
            key = path.read_bytes()
    except OSError as error:
        raise PageError(f"{path} can't be read or written: {error.strerror}; set data_dir") from error
    if len(key) < _KEY_BYTES:
        raise PageError(
            f"{path} has {len(key)} bytes, a key has {_KEY_BYTES}; delete it, and every browser begins anew"
        )
    return key
