"""The answers that are decoded: users made by rule, the same on every machine and every day.

`python benchmarks/data.py 1000` prints the text of a list of 1,000 users.
"""

from __future__ import annotations

import json
import random
import sys
import uuid
from typing import Any

SEED = 20260101
# Names as people have them: most in ASCII, some not, one script of each width in UTF-8.
NAMES = (
    "Ada Meier",
    "Bo Lindqvist",
    "Chidi Okafor",
    "Dana Whitfield-Montgomery",
    "Élodie Lefèvre",
    "Farid Haddad",
    "Jürgen Weiß",
    "Søren Ødegård",
    "Ольга Смирнова",
    "陳小明",
    "Zoë 🌱 Baker",
    "Nour al-Din",
)
SENTENCES = (
    "Looks after the models of the third floor.",
    "Writes prompts for the help desk, and reads what comes of them.",
    "Außerdem zuständig für Übersetzungen.",
    'Says "hello" to everybody.\nOn holiday in August.',
    "質問があれば聞いてください。",
    "Ask me about evaluation, retrieval and the weather.",
)
ZONES = (None, "Europe/Berlin", "America/Argentina/Buenos_Aires", "Asia/Tokyo", "UTC")
MODELS = ("llama3.2:3b", "qwen3:8b", "gpt-oss:20b", "mistral-small:24b")


def settings(rng: random.Random) -> dict[str, Any] | None:
    """Preferences as the web interface stores them: nested, and with keys beside `ui`."""
    if rng.random() < 0.2:
        return None
    ui: dict[str, Any] = {
        "theme": rng.choice(("dark", "light", "system")),
        "models": rng.sample(MODELS, rng.randint(1, 2)),
        "notificationEnabled": rng.random() < 0.5,
    }
    if rng.random() < 0.3:
        ui["params"] = {"temperature": round(rng.uniform(0, 2), 2), "num_ctx": 8192, "stop": None}
        ui["chatDirection"] = "auto"
    return {"ui": ui}


def day_of_birth(rng: random.Random) -> str:
    return f"{rng.randint(1950, 2005)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"


def user(index: int) -> dict[str, Any]:
    """The user of this number, whatever others there are."""
    rng = random.Random(SEED * 1_000_003 + index)
    name = NAMES[rng.randrange(len(NAMES))]
    created = 1_700_000_000 + rng.randrange(50_000_000)
    handle = f"person{index:06}"
    bio = None
    if rng.random() < 0.35:  # one in ten of these is long
        bio = " ".join(rng.choices(SENTENCES, k=10 if rng.random() < 0.1 else rng.randint(1, 2)))
    away = rng.random() < 0.15
    by_oauth = rng.random() < 0.25
    return {
        "id": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
        "name": name,
        "email": f"{handle}@example.com",
        "username": handle if rng.random() < 0.7 else None,
        "role": rng.choices(("user", "pending", "admin"), (90, 8, 2))[0],
        "profile_image_url": "/user.png" if rng.random() < 0.8 else f"/files/{handle}.png",
        "profile_banner_image_url": None,
        "bio": bio,
        "gender": rng.choice((None, None, "female", "male", "non-binary")),
        "date_of_birth": day_of_birth(rng) if rng.random() < 0.5 else None,
        "timezone": rng.choice(ZONES),
        "presence_state": rng.choice((None, "online", "idle")),
        "status_emoji": "🌱" if away else None,
        "status_message": "back on Monday" if away else None,
        "status_expires_at": created + 60_000_000 if away else None,
        "info": {"location": f"Room {rng.randrange(400)}", "desk": rng.randrange(12)}
        if rng.random() < 0.3
        else None,
        "settings": settings(rng),
        "oauth": {"oidc": {"sub": str(uuid.UUID(int=rng.getrandbits(128), version=4))}}
        if by_oauth
        else None,
        "scim": None,
        "last_active_at": created + rng.randrange(9_000_000),
        "updated_at": created + rng.randrange(9_000_000),
        "created_at": created,
        "group_ids": [
            str(uuid.UUID(int=7_000 + group)) for group in rng.sample(range(20), rng.randrange(3))
        ],
    }


def compact(value: object) -> str:
    """JSON as the server writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def users(count: int) -> dict[str, Any]:
    """What `GET /api/v1/users/` answers, with all of `count` users on one page."""
    return {"users": [user(index) for index in range(count)], "total": count}


def users_text(count: int) -> bytes:
    return compact(users(count)).encode()


if __name__ == "__main__":
    sys.stdout.buffer.write(users_text(int(sys.argv[1]) if len(sys.argv) > 1 else 1000))
