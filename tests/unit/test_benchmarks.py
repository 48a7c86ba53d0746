"""The benchmarks, without running them: what they decode, how they judge, what the page says."""

from __future__ import annotations

import hashlib
import re
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from openwebui_users.models import UserGroupIdsListResponse

ROOT = Path(__file__).resolve().parent.parent.parent
BENCHMARKS = ROOT / "benchmarks"


@pytest.fixture(autouse=True)
def modules_of_benchmarks(monkeypatch: pytest.MonkeyPatch) -> Any:
    """They import each other by bare names; afterwards nobody else finds them by these."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield
    for name in set(sys.modules) - before:
        path = getattr(sys.modules[name], "__file__", None)
        if path is not None and Path(path).parent == BENCHMARKS:
            del sys.modules[name]


def test_users_are_the_same_on_every_machine() -> None:
    text = import_module("data").users_text(50)
    digest = hashlib.sha256(text).hexdigest()
    assert digest == "6ac218272215ab4afe2a1341e31fb14976607885d9e14ab6764b2602a2e6423e"


def test_a_user_does_not_depend_on_how_many_there_are() -> None:
    data = import_module("data")
    assert data.users(20)["users"] == data.users(50)["users"][:20]


def test_users_have_what_makes_decoding_hard() -> None:
    users = import_module("data").users(1000)["users"]
    assert any(not user["name"].isascii() for user in users)
    assert any(len(user["bio"] or "") > 300 for user in users)
    assert any("\n" in (user["bio"] or "") for user in users)
    assert any("params" in (user["settings"] or {"ui": {}})["ui"] for user in users)
    for name in users[0].keys() - {"profile_banner_image_url", "scim"}:
        assert any(user[name] not in (None, []) for user in users), name


def test_the_table_of_fields_has_every_field_that_is_decoded() -> None:
    fields, data = import_module("fields"), import_module("data")
    listed = [field.name for field in fields.fields_of("listed")]
    assert listed == list(data.user(0))
    single = {field.name for field in fields.fields_of("single")}
    assert single == set(import_module("server").ONE)


def test_the_table_of_fields_is_that_of_our_model() -> None:
    fields = import_module("fields")
    ours = UserGroupIdsListResponse.model_fields["users"].annotation.__args__[0].model_fields
    for field in fields.fields_of("listed"):
        known = ours[field.name]
        assert known.is_required() == (field.default == fields.REQUIRED), field.name
        if field.name != fields.SETTINGS:
            assert known.annotation == field.type, field.name
        if not known.is_required():
            assert known.get_default() == field.default, field.name


def test_classes_of_pydantic_decode_as_ours_do() -> None:
    fields, data = import_module("fields"), import_module("data")
    text = data.users_text(50)
    theirs = fields.page_class(fields.make_model).model_validate_json(text)
    ours = UserGroupIdsListResponse.model_validate_json(text)
    fields.read_every_field(ours.users)
    fields.read_every_field(theirs.users)
    for a, b in zip(ours.users, theirs.users, strict=True):
        assert a.model_dump().items() >= b.model_dump().items()


# ---------------------------------------------------------------- verdicts


def round_of(ours: float, peer: float) -> Any:
    return {"work": {"ours": {"cost": ours}, "peer": {"cost": peer}}}


def target(limit: float, **more: Any) -> Any:
    targets = import_module("targets")
    key, peer = targets.Key("work", "ours", "cost"), targets.Key("work", "peer", "cost")
    return targets.Target("a target", key, limit, peer, **more)


def test_a_ratio_is_the_median_of_the_rounds_ratios() -> None:
    # the ratio of the medians would be 2 / 4
    rounds = [round_of(1, 1), round_of(2, 8), round_of(8, 4)]
    assert target(1).reached(rounds) == 1


def test_a_difference_is_of_the_same_round() -> None:
    difference = import_module("targets").difference
    assert target(5, compare=difference).reached([round_of(9, 4), round_of(30, 25)]) == 5


@pytest.mark.parametrize(
    ("reached", "least", "verdict"),
    [
        (0.9, False, "met"),
        (1.0, False, "met"),
        (1.1, False, "MISSED"),
        (0.9, True, "MISSED"),
        (1.0, True, "met"),
        (1.1, True, "met"),
        (None, False, "not measured"),
    ],
)
def test_verdicts(reached: float | None, least: bool, verdict: str) -> None:
    assert target(1.0, least=least).verdict(reached) == verdict


def test_what_was_not_measured_cannot_be_missed() -> None:
    alone = {"work": {"ours": {"cost": 3.0}}}
    assert target(1).reached([]) is None
    assert target(1).reached([alone]) is None
    assert target(1).is_met(None) is None
    assert target(1).reached([alone, round_of(3, 2)]) == 1.5


def test_targets_speak_of_what_is_measured() -> None:
    """Each number of each target has a case that gives it."""
    run, catalogue = import_module("run"), import_module("catalogue")
    cases = {work: suite.CASES[work] for suite in run.SUITES.values() for work in suite.CASES}
    assert cases.keys() == catalogue.WORKS.keys()
    for one in import_module("targets").TARGETS:
        for key in (one.key, one.beside):
            if key is not None:
                assert key.library in cases[key.work]
                assert key.number in catalogue.WORKS[key.work].numbers


# ---------------------------------------------------------------- the page


def test_the_page_has_a_row_for_every_target() -> None:
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    for one in import_module("targets").TARGETS:
        row = re.escape(f"| {one.what} | {one.wanted()} | ")
        assert re.search(f"^{row}", page, re.MULTILINE), one.what


def test_the_page_shows_pictures_that_are_there() -> None:
    page = ROOT / "docs" / "performance.md"
    shown = re.findall(r"!\[[^]]*\]\(([^)]*)\)", page.read_text(encoding="utf-8"))
    assert shown
    assert [path for path in shown if not (page.parent / path).is_file()] == []


def test_a_flame_graph_shows_what_was_sampled() -> None:
    stack = (("read<record>", "_core"), ("memcpy", "libc"))
    drawn = import_module("flame").draw({stack: 3, stack[:1]: 1}, "a title")
    assert "read&lt;record&gt; (_core), 100.0%" in drawn
    assert "memcpy (libc), 75.0%" in drawn
