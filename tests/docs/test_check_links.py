"""`make docs-links` fails for broken links, and reports if the machine is offline."""

from __future__ import annotations

import check_links
import pytest

WORKING = {"uri": "https://a.example.com", "status": "working", "info": ""}
BROKEN = {"uri": "https://b.example.com", "status": "broken", "info": "404 Client Error"}
UNREACHED = {"uri": "https://c.example.com", "status": "timeout", "info": "Max retries exceeded"}
PLACE = {"filename": "index.md", "lineno": "7"}


@pytest.mark.parametrize(
    ("links", "code", "said"),
    [
        ([WORKING], 0, "1 links to other sites, 0 of them broken"),
        ([WORKING, BROKEN], 1, "index.md:7: https://b.example.com: 404 Client Error"),
        ([WORKING, UNREACHED], 1, "2 links to other sites, 1 of them broken"),
        ([UNREACHED], 0, "no network: none of 1 links to other sites was looked at"),
    ],
)
def test_what_is_said(
    links: list[dict[str, str]],
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(check_links, "look", lambda: [{**PLACE, **link} for link in links])
    assert check_links.main() == code
    assert said in capsys.readouterr().out
