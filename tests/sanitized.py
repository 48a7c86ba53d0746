"""Whether the sanitizers are on (`make sanitize`): they are slow and keep freed memory."""

from __future__ import annotations

import os

import pytest

SANITIZED = "libasan" in os.environ.get("LD_PRELOAD", "")

#: Of tests that look at memory or time as users have them.
measures = pytest.mark.skipif(SANITIZED, reason="sanitizers keep what was freed, and take time")
