"""Send requests to a server, and keep its answers in a form in which two servers can be compared.

The package under test is not used: the requests are made with the standard library.
"""

from __future__ import annotations

import base64
import datetime
import http.client
import json
import re
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

API = "/api/v1"
DAY = 86400
# Times of two months around now are told from now; all others are part of the question.
NOW_SECONDS = 60 * DAY

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
TOKEN = re.compile(r"^eyJ[\w.-]+$")
API_KEY = re.compile(r"^sk-[\w-]+$")
DATE = re.compile(r"^\d{4}-\d\d-\d\d$")
# Lists of weeks: see _by_weeks.
BY_WEEKS = {"weekly_heatmap"}


@dataclass
class Exchange:
    """One question and the answer, as the server gave it."""

    case: str
    method: str
    path: str
    query: dict[str, Any]
    asked_by: str
    body: Any
    status: int
    media_type: str
    location: str | None
    answer: Any
    unordered: bool


@dataclass
class Conversation:
    """Everything asked of one server in one play of all cases."""

    url: str
    admin_token: str
    case: str = ""
    exchanges: list[Exchange] = field(default_factory=list)
    # Cases that ended early because an answer was not what the next question needs.
    broken: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    default_picture: bytes = b""

    def label(self, value: str, name: str) -> str:
        """Show this value, an id or a token, by a name from now on."""
        self.labels[value] = f"<{name}>"
        return value

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = "",
        query: dict[str, Any] | None = None,
        unordered: bool = False,
    ) -> Any:
        """One exchange; the parsed answer.

        Args:
            method: the HTTP method.
            path: below /api/v1, or from /api on for what lies outside.
            body: sent as JSON unless None.
            token: of who asks; "": the administrator's, None: none.
            query: query parameters.
            unordered: whether the order of the answer's lists is the server's whim.
        """
        whose = self.admin_token if token == "" else token
        status, headers, content = self._send(method, path, query or {}, body, whose)
        media_type = headers.get("content-type", "").partition(";")[0]
        answer: Any = None
        if media_type == "application/json":
            answer = json.loads(content)
        elif media_type == "text/html":
            answer = "<the web page>"
        elif media_type == "text/plain":
            answer = content.decode()
        elif content == self.default_picture:
            answer = "<the default picture>"
        else:
            answer = base64.b64encode(content).decode()
        self.exchanges.append(
            Exchange(
                self.case,
                method,
                path,
                query or {},
                "nobody" if whose is None else whose,
                body,
                status,
                media_type,
                headers.get("location"),
                answer,
                unordered,
            )
        )
        return answer

    def take_default_picture(self, user_id: str) -> None:
        """Know the picture of who has none; each server has its own."""
        path = f"/users/{user_id}/profile/image"
        self.default_picture = self._send("GET", path, {}, None, self.admin_token)[2]

    def _send(
        self, method: str, path: str, query: dict[str, Any], body: Any, token: str | None
    ) -> tuple[int, dict[str, str], bytes]:
        headers = {"Content-Type": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        target = quote(path if path.startswith("/api/") else API + path, safe="/:@%")
        if query:
            target += "?" + urlencode(query)
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=60)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, target, text, headers)
            answer = connection.getresponse()
            received = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, received, answer.read()
        finally:
            connection.close()

    # ------------------------------------------------------------ the comparable form

    def comparable(self) -> dict[str, Any]:
        """All cases by name: what was asked and answered, without what differs from run to run."""
        cases: dict[str, Any] = {}
        for one in self.exchanges:
            answer = self._plain(one.answer)
            shown = {
                "asked": f"{one.method} {self._plain(one.path)}",
                "by": self._plain(one.asked_by),
                "status": one.status,
                "type": one.media_type,
                "answer": _ordered(answer) if one.unordered else answer,
            }
            if one.query:
                shown["query"] = self._plain(one.query)
            if one.body is not None:
                shown["body"] = self._plain(one.body)
            if one.location is not None:
                shown["location"] = self._plain(one.location)
            cases.setdefault(one.case, []).append(shown)
        for case, reason in self.broken.items():
            cases.setdefault(case, []).append({"broken": reason})
        return cases

    def _plain(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {
                self._text(key): _by_weeks(item) if key in BY_WEEKS else self._plain(item)
                for key, item in value.items()
                if not (key == "url" and "errors.pydantic.dev" in str(item))
            }
        if isinstance(value, list):
            return [self._plain(item) for item in value]
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return _without_time(value)
        return value

    def _text(self, value: str) -> str:
        if value in self.labels:
            return self.labels[value]
        for known, label in self.labels.items():
            if len(known) > 20 and known in value:
                value = value.replace(known, label)
        if TOKEN.match(value):
            return "<token>"
        if API_KEY.match(value):
            return "<API key>"
        if DATE.match(value):
            return _without_date(value)
        return UUID.sub("<uuid>", value)


def _without_time(value: int) -> Any:
    for unit, name in ((1, "seconds"), (10**9, "nanoseconds")):
        away = value / unit - time.time()
        if abs(away) < NOW_SECONDS:
            return f"<{name}, {round(away / DAY):+d} days>"
    return value


def _by_weeks(rows: Any) -> Any:
    """Rows of weeks, each with the date of its Monday: how far that is depends on the day it is."""
    today = datetime.datetime.now(datetime.timezone.utc).date()
    monday = today - datetime.timedelta(days=today.weekday())

    def shown(date: str) -> str:
        days = (datetime.date.fromisoformat(date) - monday).days
        return f"<Monday, {days // 7:+d} weeks>" if days % 7 == 0 and abs(days) < 60 else date

    return [{**row, "date": shown(row["date"])} for row in rows]


def _without_date(value: str) -> str:
    try:
        away = (
            datetime.date.fromisoformat(value) - datetime.datetime.now(datetime.timezone.utc).date()
        )
    except ValueError:
        return value
    return f"<{away.days:+d} days>" if abs(away.days) < 60 else value


def _ordered(answer: Any) -> Any:
    """With every list of objects in one order of ours."""
    if isinstance(answer, dict):
        return {key: _ordered(value) for key, value in answer.items()}
    if isinstance(answer, list):
        return sorted((_ordered(item) for item in answer), key=_place)
    return answer


def _place(item: Any) -> str:
    if isinstance(item, dict):
        for key in ("email", "name"):
            if isinstance(item.get(key), str):
                return f"{item[key]}"
    return json.dumps(item, sort_keys=True)


def differences(expected: dict[str, Any], actual: dict[str, Any]) -> list[str]:
    """What the second play said differently, one line each, the first of a case first."""
    found = []
    for case in [*expected, *(name for name in actual if name not in expected)]:
        wanted, given = expected.get(case, []), actual.get(case, [])
        for number in range(max(len(wanted), len(given))):
            before = wanted[number] if number < len(wanted) else None
            after = given[number] if number < len(given) else None
            if before != after:
                question = (before or after or {}).get("asked", "")
                found.append(f"{case} [{number}] {question}: {_how(before, after)}")
    return found


def _how(before: Any, after: Any, path: str = "") -> str:
    """The first place where two answers part."""
    if isinstance(before, dict) and isinstance(after, dict):
        missing, more = set(before) - set(after), set(after) - set(before)
        if missing or more:
            return f"{path}: lacks {sorted(missing)}, has also {sorted(more)}: {_short(after)}"
        for key in before:
            if before[key] != after[key]:
                return _how(before[key], after[key], f"{path}/{key}")
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (one, other) in enumerate(zip(before, after, strict=True)):
            if one != other:
                return _how(one, other, f"{path}/{number}")
    return f"{path}: {_short(after)}, expected {_short(before)}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 300 else text[:300] + "…"
