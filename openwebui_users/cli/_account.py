"""Commands about the connection itself: login, whoami, ping."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from . import _profiles, _secrets
from ._command import CONNECTION, SHOWING, WRITING, Cli, alone
from ._connection import ConnectionOptions, connect
from ._failures import API, AUTH, CommandError, text_of

_ACCOUNT = ("id", "email", "name", "role")
_SERVICE = "openwebui-users"  # in the keyring


def login(
    cli: Cli,
    email: Annotated[str | None, typer.Option(help="Sign in with this address.")] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
    api_key_stdin: Annotated[
        bool, typer.Option("--api-key-stdin", help="Read an API key from standard input.")
    ] = False,
    api_key: Annotated[
        str | None,
        typer.Option(help=f"Store this reference to a key: {', '.join(_secrets.KINDS)}."),
    ] = None,
    store: Annotated[
        str,
        typer.Option(help="Where to store a key: file (only its owner can read it) or keyring."),
    ] = "file",
    create_api_key: Annotated[
        bool,
        typer.Option(
            "--create-api-key",
            help="Create and store an API key, instead of the session's token, which expires. The "
            "new key replaces the account's API key.",
        ),
    ] = False,
) -> None:
    """Check a key or a password, and store the server and the key as a profile.

    Without options the command asks for what it needs. Other commands use the profile "default", or
    the one that --profile or OPENWEBUI_PROFILE names.
    """
    if sum((password_stdin or email is not None, api_key_stdin, api_key is not None)) > 1:
        raise CommandError("give a password, an API key or a reference to one, not several of them")
    if create_api_key and api_key is not None:
        raise CommandError("--create-api-key makes another key than that of --api-key: give one")
    url = cli.connection.url or _ask("URL of the server")
    name = cli.connection.profile or _profiles.DEFAULT_NAME
    _check_place(name, store, api_key is None)
    if not (api_key_stdin or api_key or email):
        email = _ask("E-mail address (empty: use an API key)", default="") or None
    client = cli.enter(connect(replace(cli.connection, url=url, profile=None), with_key=False))
    key, reference = "", api_key
    if api_key is not None:
        key = _secrets.look_up(api_key, "--api-key", _profiles.config_path().parent)
    elif email is None:
        key = _secrets.read_input("API key")
    else:
        answer = _sign_in(client, email, _secrets.read_input("Password"))
        key = answer.token or ""
        if not key:
            raise CommandError("the server gave no token: use an API key", exit_code=AUTH)
    own = cli.enter(client.with_options(api_key=key))
    who = _who(own)
    if cli.dry_run:
        cli.done(f"{_told(who)} is kept as the profile {name!r}")
        return
    profile = _profiles.Profile(name, url, reference, _options(cli.connection))
    with _profiles.locked():
        if create_api_key:
            _keep_new(profile, own, store)
        else:
            _keep(profile, key, store)
    cli.done(f"{_told(who)} is kept as the profile {name!r} in {_profiles.config_path()}")


def _options(given: ConnectionOptions) -> dict[str, Any]:
    """The options of the command line that a profile stores."""
    found = {
        "timeout": given.timeout,
        "ca_file": given.ca_file and str(Path(given.ca_file).absolute()),
        "verify": False if given.no_verify else None,
    }
    return {key: value for key, value in found.items() if value is not None}


def _keep(profile: _profiles.Profile, key: str, store: str) -> None:
    """Save a profile. Also save its key, unless there is a reference to a key."""
    if profile.api_key is None:
        profile = replace(profile, api_key=_stored(profile.name, key, store))
    _profiles.save(profile)


def _keep_new(profile: _profiles.Profile, client: Any, store: str) -> None:
    """Create an API key, and keep it as _keep() does, or print it: no server shows it again."""
    key = client.auths.generate_api_key().api_key or ""
    if not key:
        raise CommandError("the server gave no API key", exit_code=API)
    try:
        _keep(profile, key, store)
    except (KeyboardInterrupt, Exception) as error:
        if sys.stderr.isatty():
            Cli.note(f"API key: {key}")
        if isinstance(error, KeyboardInterrupt):
            raise
        lost = "" if sys.stderr.isatty() else " and is lost"  # stderr may be a log: it gets no key
        raise CommandError(
            f"the account has a new API key, which was not kept{lost}: {text_of(error)}",
            exit_code=API,
        ) from error


def _check_place(name: str, store: str, has_key: bool) -> None:
    """Refuse what could not be stored, before anything is sent to a server.

    Args:
        name: name of the profile.
        store: where a key is stored.
        has_key: whether there will be a key to store.
    """
    if store not in ("file", "keyring"):
        raise CommandError(f"--store must be file or keyring, got {store!r}")
    _profiles.check()
    if has_key:
        _file_name(name)
        if store == "keyring":
            _secrets.check_keyring(_SERVICE, name)


def _sign_in(client: Any, email: str, password: str) -> Any:
    from openwebui_users import BadRequestError

    try:
        return client.auths.signin(email=email, password=password, set_client_api_key=False)
    except BadRequestError as error:  # servers answer a wrong password with this
        raise CommandError(str(error), exit_code=AUTH) from error


def _ask(question: str, default: str | None = None) -> str:
    if not sys.stdin.isatty():
        raise CommandError(f"{question}: there is nobody to ask; give it as an option")
    return str(typer.prompt(question, default=default, show_default=False, err=True))


def _stored(name: str, key: str, store: str) -> str:
    """Store a key; the reference to it."""
    if store == "keyring":
        return _secrets.keep_in_keyring(_SERVICE, _file_name(name), key)
    from openwebui_users.admin._files import replacing

    path = _profiles.config_path().parent / f"{_file_name(name)}.key"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with replacing(path, encoding="utf-8", newline="") as file:
        file.write(f"{key}\n")
    path.chmod(0o600)
    return f"file:{path.name}"


def _file_name(name: str) -> str:
    if not name or name.startswith(".") or not all(one.isalnum() or one in "-_." for one in name):
        raise CommandError(f"the name of a profile has letters, digits, -, _ and ., got {name!r}")
    return name


def _who(client: Any) -> Any:
    """The account of the client's key; None: the server accepts the key but does not name it.

    Raises:
        AuthenticationError: the server does not accept the key.
    """
    from openwebui_users.admin._directory import whoami as ask

    found = ask(client)
    if found is None:
        client.get_user_permissions()
    return found


def _told(who: Any) -> str:
    return "a key of an account that the server does not name" if who is None else who.email


def whoami(cli: Cli) -> None:
    """Show the account that the key belongs to."""
    who = _who(cli.client)
    if who is None:
        raise CommandError(
            "the key is right, but this server does not tell holders of API keys whose it is; the "
            "token of a sign-in helps",
            exit_code=API,
        )
    cli.output.one(who, _ACCOUNT)


def ping(cli: Cli) -> None:
    """Show whether the server answers, its version, and the time of the answer. Needs no key."""
    import time

    client = cli.enter(connect(cli.connection, with_key=False))
    began = time.monotonic()
    version = client.get_version()
    took = time.monotonic() - began
    cli.output.one({"url": client.base_url, "version": version, "seconds": round(took, 4)})


_LOGIN = {key: CONNECTION[key] for key in ("url", "profile", "timeout", "ca_file", "no_verify")}
_PANEL = {"rich_help_panel": "Server"}
COMMANDS = {
    "login": alone("login", login, _LOGIN, WRITING, **_PANEL),
    "whoami": alone("whoami", whoami, CONNECTION, SHOWING, **_PANEL),
    "ping": alone("ping", ping, CONNECTION, SHOWING, **_PANEL),
}
