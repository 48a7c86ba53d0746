"""Find the server and the key: from options, the environment and profiles, in this order."""

from __future__ import annotations

import os
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _profiles
from ._failures import AUTH, CommandError, in_options
from ._secrets import look_up, read_input

if TYPE_CHECKING:
    from openwebui_users import UsersClient


@dataclass(frozen=True)
class ConnectionOptions:
    """The options of the connection on the command line; None: not given."""

    url: str | None = None
    api_key_file: str | None = None
    insecure_api_key: str | None = None
    profile: str | None = None
    timeout: float | None = None
    ca_file: str | None = None
    no_verify: bool | None = None


def connect(options: ConnectionOptions, with_key: bool = True) -> UsersClient:
    """A client for the chosen server.

    A profile's key is sent only to that profile's server.

    Args:
        options: options of the command line.
        with_key: False: the client has no key, and no key is looked for.

    Raises:
        CommandError: no server or no key is given.
    """
    from openwebui_users import UsersClient

    url = options.url or (None if options.profile else os.environ.get("OPENWEBUI_URL") or None)
    profile = _profile(options, url)
    if url is None and profile is not None:
        url = profile.url
    if not url:
        raise CommandError(
            "no server is given: use --url, set OPENWEBUI_URL, or run `openwebui-users login`"
        )
    given: dict[str, Any] = dict(profile.options) if profile is not None else {}
    if options.timeout is not None:
        given["timeout"] = options.timeout
    if options.ca_file is not None:
        given["ca_file"] = options.ca_file
    if options.no_verify is not None:
        given["verify"] = not options.no_verify
    key = _key(options, profile) if with_key else ""
    if key is None:
        raise CommandError(
            f"no key for {url} is given: use --api-key-file, set OPENWEBUI_API_KEY, or run "
            "`openwebui-users login`",
            exit_code=AUTH,
        )
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        client = UsersClient(url, key, **given)
    for one in told:  # that certificates are not checked
        print(in_options(f"warning: {one.message}"), file=sys.stderr)
    return client


def _profile(options: ConnectionOptions, url: str | None) -> _profiles.Profile | None:
    """The named profile, or the default profile if it is for this server."""
    named = options.profile or (None if url else os.environ.get("OPENWEBUI_PROFILE") or None)
    if url is None:
        return _profiles.find(named)
    if named is None:
        try:
            found = _profiles.find(None)
        except CommandError:  # it was not asked for
            return None
        return found if found is not None and _is_same(found.url, url) else None
    found = _profiles.find(named)
    if found is not None and not _is_same(found.url, url):
        raise CommandError(
            f"the profile {named!r} is of {found.url}, and its key is not sent to {url}: leave out "
            "--profile or --url"
        )
    return found


def _is_same(one: str, other: str) -> bool:
    """Whether two base URLs are of the same server."""
    from openwebui_users import UsersClient

    with UsersClient(one, "") as first, UsersClient(other, "") as second:
        return first.base_url == second.base_url


def _key(options: ConnectionOptions, profile: _profiles.Profile | None) -> str | None:
    if options.insecure_api_key is not None:
        return options.insecure_api_key
    if options.api_key_file == "-":
        return read_input("API key")
    if options.api_key_file is not None:
        return look_up(f"file:{options.api_key_file}", "--api-key-file", Path.cwd())
    from_environment = os.environ.get("OPENWEBUI_API_KEY")
    if from_environment and not options.profile:
        return from_environment
    if profile is not None and profile.api_key is not None:
        what = f"api_key of the profile {profile.name!r}"
        return look_up(profile.api_key, what, _profiles.config_path().parent)
    return None
