"""A real browser without a window, which loads a page and reports the result."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import threading
from dataclasses import dataclass, field
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
ON_MACOS = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
LIMIT = 60  # seconds

# Told by the page itself, after what might happen in it has happened; elements of displays only.
REPORT = """
<script id="report">
addEventListener("load", () => setTimeout(() => {
  const found = {
    title: document.title,
    text: document.body.innerText,
    elements: {},
  };
  for (const one of document.querySelectorAll(".mathjax_ignore *")) {
    const name = one.localName;
    found.elements[name] = (found.elements[name] || 0) + 1;
    for (const attribute of one.attributes)
      if (attribute.name.startsWith("on")) found.elements.handler = 1;
  }
  const told = document.createElement("pre");
  told.id = "told";
  told.textContent = JSON.stringify(found);
  document.body.replaceChildren(told);
}, 200));
</script>
"""


def find_browser() -> str | None:
    """Path of a browser that can be asked for its page; OWU_BROWSER names another one."""
    named = os.environ.get("OWU_BROWSER")
    if named:
        return named
    found = next(filter(None, map(shutil.which, NAMES)), None)
    return found or (ON_MACOS if Path(ON_MACOS).exists() else None)


@dataclass
class Seen:
    """What a browser made of a page: its title, its text, and how many elements of each name."""

    title: str
    text: str
    elements: dict[str, int] = field(default_factory=dict)


def look(browser: str, html: str, folder: Path) -> Seen:
    """Load a page with this HTML in it, and tell what is there afterwards."""
    page = folder / "page.html"
    head = '<!doctype html><meta charset="utf-8"><title>untouched</title>'
    page.write_text(f"{head}<body>{html}", encoding="utf-8")
    return look_at(browser, page, folder)


def look_at(browser: str, page: Path, folder: Path) -> Seen:
    """Load a page, and tell what is there afterwards. Only this machine is reached."""
    told_by = folder / "told.html"
    told_by.write_text(page.read_text(encoding="utf-8") + REPORT, encoding="utf-8")
    command = [
        browser,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        f"--user-data-dir={folder / 'profile'}",
        "--virtual-time-budget=5000",
        "--dump-dom",
        told_by.as_uri(),
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", timeout=LIMIT, check=False
    )
    told = re.search(r'<pre id="told">(.*?)</pre>', done.stdout, re.DOTALL)
    assert told is not None, f"the page told nothing: {done.stderr[-2000:]}"
    return Seen(**json.loads(unescape(told[1])))


class Listener:
    """A server that notes what is asked of it, and has nothing."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                self.send_error(404)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Listener:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
