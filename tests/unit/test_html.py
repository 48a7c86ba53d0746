"""What notebooks show of models and of lists of them."""

from __future__ import annotations

import pickle
import re
from html.parser import HTMLParser
from typing import Any
from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openwebui_users import ClientStats, Timeout, models
from openwebui_users._html import repr_html, repr_mimebundle

SECRET = "sk-0123456789abcdef"
HOSTILE = [
    "<img src=x onerror=\"document.title='owned'\">",
    "<script>document.title='owned'</script>",
    "</td></table><style>*{display:none}</style>",
    "' onmouseover='x",
    "&lt;b&gt;",
    "$\\href{javascript:x}{y}$",
]
TAGS = {"b", "bdi", "br", "caption", "code", "div", "p", "pre", "small", "span", "table", "tbody"}
TAGS |= {"td", "th", "thead", "time", "tr"}
ATTRIBUTES = {"class", "style", "title", "dir"}


def user(**values: Any) -> models.UserModel:
    known = {"id": "5f", "name": "Ann", "email": "ann@example.com", "role": "user"}
    times = dict.fromkeys(("last_active_at", "updated_at", "created_at"), 1_769_850_000)
    given = {**known, "profile_image_url": "/user.png", **times, **values}
    return models.UserModel.model_validate(given)


class Page(HTMLParser):
    """The elements, attributes and texts of a piece of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: dict[str, str | None] = {}
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.update(attrs)
        self.text += {"td": " | ", "tr": "\n", "br": "\n"}.get(tag, "")

    def handle_data(self, data: str) -> None:
        self.text += data


def page_of(obj: Any) -> Page:
    """What is shown of it, which has none but harmless elements."""
    page = Page(repr_html(obj))
    assert set(page.tags) <= TAGS and set(page.attributes) <= ATTRIBUTES
    assert "url(" not in "".join(filter(None, page.attributes.values()))
    return page


# ---------------------------------------------------------------- other people's input


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_text(name: str) -> None:
    for obj in (user(name=name), [user(name=name)], [user(bio=name)], user(info={name: name})):
        assert name.replace("\\", "") in page_of(obj).text.replace("\\", "")


@given(text=st.text(max_size=60))
def test_any_text_is_text(text: str) -> None:
    model = models.UserModel.model_construct(name=text, bio="b")
    for obj in (model, [model]):
        page = page_of(obj)
        shown = "".join(
            one
            if one.isprintable() or one in "\u200c\u200d" or category(one) == "Zs"
            else ascii(one)[1:-1]
            for one in text
        )
        assert shown in page.text


def test_addresses_of_images_are_text() -> None:
    url = "https://evil.example.com/pixel.png"
    page = page_of([user(profile_image_url=url)])
    assert url in page.text


def test_math_is_not_set() -> None:
    assert {"tex2jax_ignore", "mathjax_ignore"} <= set(
        str(page_of(user()).attributes["class"]).split()
    )


@pytest.mark.parametrize("one", ["\u202e", "\u2066", "\0", "\x1b", "\n", "\ud800", "\u200b"])
def test_characters_that_are_not_seen_are_escapes(one: str) -> None:
    model = models.UserModel.model_construct(name=f"a{one}b")
    html = repr_html(model)
    assert one not in html
    assert f"a{ascii(one)[1:-1]}b" in Page(html).text
    html.encode()


@pytest.mark.parametrize("name", ["שלום", "Zoë", "👩\u200d💻", "می\u200cخواهم", "山田\u3000太郎"])
def test_letters_of_all_scripts_stay(name: str) -> None:
    html = repr_html(user(name=name))
    assert f"<bdi>{name}</bdi>" in html  # its direction is its own


def test_keys_are_text() -> None:
    page = page_of(models.UserSettings.model_validate({"<script>": "<b>", "ui": {}}))
    assert "<script>" in page.text and "<b>" in page.text


# ---------------------------------------------------------------- secrets


def test_secrets_are_masked_everywhere() -> None:
    one = user(api_key=SECRET, settings={"ui": {"keys": [{"api_key": SECRET}]}})
    nested = models.UserGroupIdsListResponse.model_construct(users=[one], total=1)
    for obj in (one, [one], nested):
        bundle = repr_mimebundle(obj)
        assert set(bundle) == {"text/plain", "text/html"}
        for text in bundle.values():
            assert SECRET not in text
            assert "**********" in text


# ---------------------------------------------------------------- readable


def test_times_are_readable_and_keep_their_number() -> None:
    for obj in (user(), [user()]):
        page = page_of(obj)
        assert "2026-01-31 09:00:00 UTC" in page.text
        assert page.attributes["title"] == "1769850000"


def test_times_in_nanoseconds() -> None:
    fields: dict[str, Any] = dict.fromkeys(("created_at", "updated_at"), 1_769_850_000 * 10**9 + 5)
    channel = models.ChannelModel.model_construct(**fields)
    assert "2026-01-31 09:00:00 UTC" in page_of(channel).text


def test_times_that_a_model_keeps_without_knowing_them() -> None:
    seconds, nanoseconds = 1_769_850_000, 1_769_850_000 * 10**9
    for number in (seconds, nanoseconds):
        one = models.UserSettings.model_validate({"created_at": number})
        assert "2026-01-31 09:00:00 UTC" in page_of(one).text
    assert "2026" not in page_of(models.UserSettings.model_validate({"count": seconds})).text


@pytest.mark.parametrize("value", [10**30, "soon", True, None])
def test_times_that_are_none(value: Any) -> None:
    one = models.UserModel.model_construct(name="n", last_active_at=value)
    text = page_of(one).text
    assert ("n" if value is None else str(value)) in text


def test_what_has_no_value_is_named_only() -> None:
    one, other = user(), user(bio="B", name="")
    assert "without a value: username" in page_of(one).text
    header = page_of([one, other]).text.splitlines()[1]
    assert "bio" in header and "timezone" not in header and "role" in header


def test_zero_and_false_are_values() -> None:
    found = models.UserActiveResponse.model_validate({"name": "n", "is_active": False, "n": 0})
    text = page_of(found).text
    assert "is_active | False" in text and "n | 0" in text


def test_nested_models_are_tables() -> None:
    page = page_of(user(settings={"ui": {"theme": "dark"}}))
    assert page.tags.count("table") == 2
    assert "{'theme': 'dark'}" in page.text


# ---------------------------------------------------------------- cut, with a count


def test_long_lists_are_cut_with_a_count() -> None:
    page = page_of([user(id=str(number)) for number in range(1000)])
    assert "UserModel: 1,000" in page.text
    assert "… and 970 more of 1,000" in page.text
    assert page.tags.count("tr") == 31
    plain = repr_mimebundle([user()] * 1000)["text/plain"]
    assert len(plain) < 20_000


def test_long_values_are_cut_with_a_count() -> None:
    html = repr_html(user(name="x" * 100_000, variables={"k": "y" * 100_000}))
    assert "(of 100,000 characters)" in html
    assert len(html) < 10_000
    assert "y" * 1000 not in html
    plain = repr_mimebundle(user(name="x" * 100_000))["text/plain"]
    assert len(plain) < 11_000 and "characters)" in plain


def test_many_columns_and_many_fields_are_cut() -> None:
    keys = {f"key{number}": number for number in range(1000)}
    one = models.UserSettings.model_validate(keys)
    assert "… and 960 more columns of 1,000" in page_of([one]).text
    assert "… and 960 more fields of 1,000" in page_of(one).text


def test_lists_of_values_are_cut() -> None:
    one = models.UserGroupIdsModel.model_construct(group_ids=[f"g{n}" for n in range(17)])
    assert "g0, g1" in page_of(one).text
    assert "g9, … and 7 more of 17" in page_of(one).text


def test_an_empty_list() -> None:
    assert page_of([]).text == "list: none"
    assert repr_mimebundle([])["text/plain"] == "[]"


def test_a_list_of_other_things() -> None:
    assert "<x>" in page_of([user(), "<x>", None]).text


def test_what_cannot_be_shown() -> None:
    loop: list[Any] = []
    loop.append(loop)
    itself = user()
    itself.info = {"itself": itself}
    for value in ({"n": 10**5000, "loop": loop}, loop, {"n": 10**5000}, 10**5000, itself):
        one = models.UserModel.model_construct(info=value, group_ids=[value])
        for obj in (one, [one], [[one]], [value]):
            page_of(obj)
            assert len(repr_mimebundle(obj)["text/plain"]) < 11_000


# ---------------------------------------------------------------- what IPython asks


def test_mime_types_can_be_chosen() -> None:
    one = user()
    both = one._repr_mimebundle_()
    assert both == {"text/plain": repr(one), "text/html": one._repr_html_()}
    assert one._repr_mimebundle_(include={"text/html", "image/png"}).keys() == {"text/html"}
    assert one._repr_mimebundle_(exclude=["text/html"]).keys() == {"text/plain"}
    assert one._repr_mimebundle_(include=["text/html"], exclude=["text/html"]) == {}
    assert one._repr_mimebundle_(None, {"text/plain"}).keys() == {"text/html"}
    with pytest.raises(TypeError):
        one._repr_mimebundle_(1, 2, 3)  # type: ignore[call-arg, arg-type]


def test_displays_of_a_subclass_count() -> None:
    class Person(models.UserModel):
        def _repr_html_(self) -> str:
            return "<b>mine</b>"

        def __repr__(self) -> str:
            return "mine"

    one = Person.model_construct(name="n")
    assert one._repr_mimebundle_() == {"text/plain": "mine", "text/html": "<b>mine</b>"}


def test_a_subclass_of_list() -> None:
    class Users(list[Any]):
        def _repr_html_(self) -> str:
            return repr_html(self)

    users = Users([user()])
    assert repr_mimebundle(users)["text/html"] == repr_html([user()])


def test_options_and_statistics() -> None:
    names = ClientStats.__slots__
    stats = ClientStats(**dict.fromkeys(names, 12345))
    page = Page(stats._repr_html_())
    assert all(name in page.text for name in names)
    bundle = Timeout()._repr_mimebundle_()
    assert (
        bundle["text/plain"] == repr(Timeout()) and "total | 60.0" in Page(bundle["text/html"]).text
    )
    assert pickle.loads(pickle.dumps(stats)) == stats


def test_ipython_shows_the_table() -> None:
    formatters = pytest.importorskip("IPython.core.formatters")
    data, _ = formatters.DisplayFormatter().format(user())
    assert re.match("<div", data["text/html"]) and data["text/plain"].startswith("UserModel(")
