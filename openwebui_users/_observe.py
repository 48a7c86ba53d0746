"""Logs and hooks: what happens to a request is told here, outside of libcurl.

Never logged: bodies, keys, tokens, ids, values of a query.
"""

from __future__ import annotations

import logging
import sys

from .options import RequestEvent, ResponseEvent

TYPE_CHECKING = False  # as typing has it, without importing typing
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

logger = logging.getLogger("openwebui_users")


def is_logging() -> bool:
    """Whether anything of what is told would be logged."""
    return logger.isEnabledFor(logging.INFO)


def log_to_stderr(level: str) -> None:
    """Show what this package logs, as OPENWEBUI_LOG=debug asks for."""
    number = logging.getLevelName(level.upper())
    if not isinstance(number, int):
        sys.stderr.write(f"openwebui_users: OPENWEBUI_LOG={level!r} is no level of logging\n")
        return
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(number)


def request_begins(
    on_request: Callable[[RequestEvent], object] | None, method: str, route: str, attempt: int
) -> object:
    """An attempt begins; what the hook raises stops the call. Returns what the hook returns."""
    return None if on_request is None else on_request(RequestEvent(method, route, attempt))


def request_ends(on_response: Callable[[ResponseEvent], object] | None, *facts: Any) -> object:
    """An attempt ended; what the hook raises stops the call, which may have been done."""
    event = ResponseEvent(*facts)
    _log(event)
    return None if on_response is None else on_response(event)


def _log(event: ResponseEvent) -> None:
    retries = event.retry_in is not None
    level = logging.INFO if retries or event.error is not None else logging.DEBUG
    if not logger.isEnabledFor(level):
        return
    outcome = event.error if event.status_code is None else event.status_code
    text = "%s %s: %s in %.3f s (attempt %d)"
    values: tuple[object, ...] = (event.method, event.route, outcome, event.elapsed, event.attempt)
    if retries:
        text += ", again in %.2f s"
        values += (event.retry_in,)
    logger.log(
        level,
        text,
        *values,
        extra={f"openwebui_{name}": value for name, value in event._items().items()},
    )
