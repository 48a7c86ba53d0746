"""Write the files that are derived from the two tables: type stubs and reference parts of the docs.

    python scripts/generate_reference.py            write the files
    python scripts/generate_reference.py --check    fail when one of them is not up to date

The tables are read from the compiled core, so build it first.
"""

from __future__ import annotations

import argparse
import inspect
import json
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

sys.path.insert(0, str(ROOT / "tests"))

import cli_reference  # noqa: E402
import errors_reference  # noqa: E402
import verbs_reference  # noqa: E402
from admin_docs import public_verbs  # noqa: E402
from docstring_reference import class_reference, declared  # noqa: E402
from faults.rows import ROWS as FAULT_ROWS  # noqa: E402
from markdown_text import cell, code, table_head, table_row, with_section  # noqa: E402
from stub_texts import (  # noqa: E402
    CLIENT_BASE,
    HEAD,
    MODEL_BASE,
    MODEL_LIST,
    NOT_BLOCKING,
    RAW_RESPONSE,
    READ_AS,
    SENT_BESIDES,
    TYPED_DICTS,
    UI_KEYS,
)

from openwebui_users import _core, _describe, frames  # noqa: E402
from openwebui_users.options import (  # noqa: E402
    ClientStats,
    RequestEvent,
    ResponseEvent,
    Retry,
    Timeout,
)
from openwebui_users.testing import FAULTS, AddedUser, EmbeddedServer, Recorded  # noqa: E402
from openwebui_users.testing.drift import as_tuple, is_at_least, method_of  # noqa: E402

Row = dict[str, Any]

OPENAPI = ROOT / "tests" / "contract" / "openapi"  # a document for each known version
MODELS: dict[str, Row] = {row["name"]: row for row in _core.model_table()}

# ---------------------------------------------------------------- types as text

_SIMPLE = {
    "any": "Any",
    "str": "str",
    "int": "int",
    "float": "float",
    "bool": "bool",
    "date": "datetime.date",
    "bytes": "bytes",
    "nothing": "None",
}


def item_text(row: Row) -> str:
    return row["model"] if row["item"] == "model" else _SIMPLE[row["item"] or "any"]


def or_none(text: str, nullable: bool) -> str:
    return f"{text} | None" if nullable and text not in ("Any", "None") else text


def plain_text(row: Row) -> str:
    """The type without null."""
    if row["kind"] == "model":
        return str(row["model"])
    if row["kind"] == "list":
        return f"list[{item_text(row)}]"
    if row["kind"] == "dict":
        return f"dict[str, {item_text(row)}]"
    return _SIMPLE[row["kind"]]


def value_text(row: Row, owner: str = "") -> str:
    """The type of what is read."""
    plain = TYPED_DICTS.get((owner, row["name"])) or plain_text(row)
    if row["kind"] == "list" and row["item"] == "model":
        plain = f"ModelList[{row['model']}]"
    return or_none(plain, row["nullable"])


def input_text(row: Row, owner: str = "") -> str:
    """The type of what may be given where a value is checked: also what is coerced for sure."""
    mapping = "Mapping[str, Any]"
    if row["kind"] == "model":
        text = f"{row['model']} | {mapping}"
    elif row["kind"] == "list":
        inner = f"{row['model']} | {mapping}" if row["item"] == "model" else item_text(row)
        text = f"Sequence[{inner}]"
    elif row["kind"] == "dict":
        text = f"Mapping[str, {item_text(row)}]"
        typed = TYPED_DICTS.get((owner, row["name"]))
        text = f"{typed} | {text}" if typed else text
    elif row["kind"] == "date":
        text = "datetime.date | str"
    else:
        text = _SIMPLE[row["kind"]]
    return or_none(text, row["nullable"])


# ---------------------------------------------------------------- writing Python

INDENT = "    "


def wrapped(line: str, pad: str) -> list[str]:
    """A line of a docstring, continued below with a deeper indent where it is too long."""
    own = pad + line[: len(line) - len(line.lstrip())]
    hanging = own + INDENT if own != pad else own
    return textwrap.wrap(line.strip(), 100, initial_indent=own, subsequent_indent=hanging)


def docstring(text: str, depth: int) -> list[str]:
    pad = INDENT * depth
    lines = text.strip().replace("\\", "\\\\").replace('"""', "'''").splitlines()
    if len(lines) == 1 and len(pad + lines[0]) <= 94:
        return [f'{pad}"""{lines[0]}"""']
    lines[0] = f'"""{lines[0]}'
    body = [part for line in lines for part in (wrapped(line, pad) or [""])]
    return [*body, f'{pad}"""']


def signature(head: str, parameters: Iterable[str], answer: str, depth: int) -> list[str]:
    """`def head(parameters) -> answer:`, a parameter a line where it does not fit in one."""
    pad = INDENT * depth
    listed = list(parameters)
    line = f"{pad}{head}({', '.join(listed)}) -> {answer}:"
    if len(line) <= 100:
        return [line]
    inner = [f"{pad}{INDENT}{parameter}," for parameter in listed]
    return [f"{pad}{head}(", *inner, f"{pad}) -> {answer}:"]


# ---------------------------------------------------------------- models


def epoch_name(field: Row, names: set[str]) -> str | None:
    """Name of the datetime beside an epoch field: `created` of `created_at`."""
    short = field["name"].removesuffix("_at")
    return short if field["epoch"] and short not in {field["name"], *names} else None


def own_fields(model: Row) -> list[Row]:
    """Fields that the base does not have in the same form."""
    inherited = MODELS[model["base"]]["fields"] if model["base"] else []
    return [field for field in model["fields"] if field not in inherited]


def kept_fields(model: Row) -> list[Row]:
    """Keys that servers are known to send beyond the declared fields."""
    other = SENT_BESIDES.get(model["name"])
    declared = {field["name"] for field in model["fields"]}
    fields = MODELS[other]["fields"] if other else []
    return [
        {**field, "kind": "dict", "item": "any", "model": None}
        if field["kind"] == "model"
        else {**field, "kind": "str"}
        if field["kind"] == "date"  # kept keys are not converted
        else field
        for field in fields
        if field["name"] not in declared and not field["excluded"]
    ]


def narrows(model: Row, field: Row) -> bool:
    """Does the field hold containers of another model than the base's field of that name?"""
    base = MODELS[model["base"]]["fields"] if model["base"] else []
    other = next((known for known in base if known["name"] == field["name"]), None)
    return other is not None and other["item"] == "model" and other["model"] != field["model"]


def attribute_lines(model: Row, field: Row) -> Iterator[str]:
    ignore = "  # type: ignore[assignment]" if narrows(model, field) else ""
    yield f"{INDENT}{field['name']}: {value_text(field, model['name'])}{ignore}"
    yield from docstring(field["doc"], 1)


def companion_lines(model: Row) -> Iterator[str]:
    names = {field["name"] for field in model["fields"]}
    for field in own_fields(model):
        name = epoch_name(field, names)
        if name is not None:
            yield f"{INDENT}@property"
            yield f"{INDENT}def {name}(self) -> datetime.datetime | None:"
            yield f'{INDENT * 2}"""The same moment as {field["name"]}, in UTC."""'


def init_lines(model: Row) -> list[str]:
    fields = [*model["fields"], *({**f, "required": False} for f in kept_fields(model))]
    parameters = ["self", "*"] if fields else ["self"]
    parameters += [
        f"{field['name']}: {input_text(field, model['name'])}"
        + ("" if field["required"] else " = ...")
        for field in fields
    ]
    if model["unknown"] == "keep":
        parameters.append("**extra: Any")
    lines = signature("def __init__", parameters, "None", 1)
    return [*lines[:-1], f"{lines[-1]} ..."]


def match_lines(model: Row) -> list[str]:
    names = [json.dumps(field["name"]) for field in model["fields"]]
    line = f"{INDENT}__match_args__ = ({', '.join(names)}{',' if len(names) == 1 else ''})"
    if len(line) <= 100:
        return [line]
    return [
        f"{INDENT}__match_args__ = (",
        *(f"{INDENT * 2}{name}," for name in names),
        f"{INDENT})",
    ]


def frame_lines() -> Iterator[str]:
    """The methods of lists of models and of pages, as their functions are declared."""
    for name in frames.__all__:
        yield from function_lines(name, getattr(frames, name))


def model_lines(model: Row) -> Iterator[str]:
    yield f"class {model['name']}({model['base'] or 'Model'}):"
    yield from docstring(model["doc"], 1)
    yield ""
    for field in own_fields(model):
        yield from attribute_lines(model, field)
    for field in kept_fields(model):
        yield from attribute_lines(model, field)
    yield from companion_lines(model)
    yield from match_lines(model)
    yield from init_lines(model)
    if model["page"] is not None:
        yield from frame_lines()
    yield ""


def typed_dict_lines() -> Iterator[str]:
    yield "@type_check_only"
    yield "class UserSettingsNotifications(TypedDict, total=False):"
    yield from docstring("`notifications` in the settings of the web page.", 1)
    yield ""
    yield f"{INDENT}webhook_url: str"
    yield from docstring("Address that notifications are posted to.", 1)
    yield ""
    yield "@type_check_only"
    yield "class UserSettingsUI(TypedDict, total=False):"
    yield from docstring("Settings of the web page: the usual keys. Others are kept as well.", 1)
    yield ""
    for name, (annotation, doc) in UI_KEYS.items():
        yield f"{INDENT}{name}: {annotation}"
        yield from docstring(doc, 1)
    yield ""


DUMP = (
    ("mode", 'Literal["python", "json"] | str', '"python"'),
    ("include", "_IncEx | None", "None"),
    ("exclude", "_IncEx | None", "None"),
    ("by_alias", "bool", "False"),
    ("exclude_unset", "bool", "False"),
    ("exclude_defaults", "bool", "False"),
    ("exclude_none", "bool", "False"),
)


def dump_lines() -> Iterator[str]:
    """The dumps, which share their parameters."""
    text = (("indent", "int | None", "None"), *DUMP[1:])
    methods = (
        ("model_dump", DUMP, "dict[str, Any]", "The fields as a fresh dict."),
        ("to_dict", DUMP, "dict[str, Any]", "Another name of model_dump()."),
        ("model_dump_json", text, "str", "The fields as JSON text."),
        ("to_json", text, "str", "Another name of model_dump_json()."),
        ("to_json_bytes", text, "bytes", "The fields as JSON in UTF-8."),
    )
    for name, parameters, answer, doc in methods:
        listed = [f"{p}: {annotation} = {default}" for p, annotation, default in parameters]
        yield from signature(f"def {name}", ["self", "*", *listed], answer, 1)
        yield from docstring(doc, 2)
    yield ""


# ---------------------------------------------------------------- clients


def client_base() -> str:
    """The base of all clients, its options from their table."""
    rows = _core.option_table()
    init = signature(
        "def __init__",
        [
            "self",
            "base_url: str | None = None",
            "api_key: str | _KeySource | None = None",
            "*",
            *(f"{row['name']}: {row['type']} = {row['default']}" for row in rows),
        ],
        "None",
        1,
    )
    init[-1] += " ..."
    options: list[str] = []
    for row in rows:
        kind = READ_AS.get(row["name"], row["type"]).replace("str | os.PathLike[str]", "str")
        options += ["    @property", f"    def {row['name']}(self) -> {kind}:"]
        options += docstring(row["doc"][0].upper() + row["doc"][1:], 2)
    of_calls = [f"{row['name']}: {row['type']} = ..." for row in rows if row["of_calls"]]
    of_calls.append("api_key: str | _KeySource | None = ...")
    options += signature("def with_options", ["self", "*", *of_calls], "Self", 1)
    options += docstring(
        "This client with other options, over the same connections.\n\n"
        "Options that are not given stay as they are; extra_headers replaces all of them. With\n"
        "api_key it acts as somebody else: a new user, for instance, whose token is at hand.\n"
        "Signing in or out then changes the key of this one alone.",
        2,
    )
    return CLIENT_BASE.replace("@INIT@", "\n".join(init)).replace("@OPTIONS@", "\n".join(options))


def endpoints_of(resource: str) -> list[Row]:
    return [row for row in _core.endpoint_table() if row["resource"] == resource]


def resources() -> list[str]:
    """Resources of the table, in its order."""
    return list(dict.fromkeys(row["resource"] for row in _core.endpoint_table()))


def client_name(resource: str, is_async: bool = False) -> str:
    return f"{'Async' if is_async else ''}{resource.title()}Client"


def argument_text(param: Row) -> str:
    """The type of a parameter of a method."""
    if param["place"] == "body" and param["kind"] == "model":
        return f"{param['model']} | Mapping[str, Any] | None"
    optional = param["nullable"] or (not param["required"] and param["default"] is None)
    return or_none(input_text({**param, "nullable": False}), optional)


def parameters_of(endpoint: Row) -> list[str]:
    """Parameters of a method: those of the call, then the fields of its form."""
    listed = ["self"]
    for param in endpoint["params"]:
        text = f"{param['name']}: {argument_text(param)}"
        is_form = param["place"] == "body" and param["kind"] == "model"
        if is_form or not param["required"]:
            text += f" = {param['default']!r}"
        listed.append(text)
    fields, takes_more = _describe.form_fields(endpoint)
    listed += ["*"] if fields else []
    form = next((p["model"] for p in endpoint["params"] if p["kind"] == "model"), "")
    listed += [f"{field['name']}: {input_text(field, form)} = ..." for field in fields]
    return [*listed, "**extra: Any"] if takes_more else listed


def method_lines(endpoint: Row, answer: str, is_async: bool) -> Iterator[str]:
    """A method of the table."""
    word = "async def" if is_async else "def"
    yield from signature(f"{word} {endpoint['name']}", parameters_of(endpoint), answer, 1)
    method = getattr(getattr(_core, client_name(endpoint["resource"])), endpoint["name"])
    yield from docstring(method.__doc__, 2)


#: Methods of the clients of users that are written in Python.
PACKAGE_METHODS = ("iter_users", "iter_pages", "iter_search", "find_user")


def package_method_lines(class_name: str, name: str) -> Iterator[str]:
    """A method that is written in Python, as it is declared there."""
    yield from function_lines(name, getattr(getattr(_core, class_name), name))


def function_lines(name: str, function: Callable[..., Any]) -> Iterator[str]:
    """A function as a method."""
    word = "async def" if inspect.iscoroutinefunction(function) else "def"
    answer = inspect.signature(function).return_annotation
    yield from signature(f"{word} {name}", ["self", *declared(function)[1:]], answer, 1)
    yield from docstring(inspect.getdoc(function) or "", 2)


def client_lines(resource: str, is_async: bool) -> Iterator[str]:
    name = client_name(resource, is_async)
    base = "AsyncClient" if is_async else "BlockingClient"
    doc = getattr(_core, name).__doc__
    yield f"class {name}({base}):"
    yield from docstring(doc, 1)
    yield ""
    yield f"{INDENT}@property"
    yield f"{INDENT}def with_raw_response(self) -> {name}WithRawResponse:"
    yield f'{INDENT * 2}"""This client with methods that return RawResponse."""'
    for other in resources():
        yield f"{INDENT}@property"
        yield f"{INDENT}def {other}(self) -> {client_name(other, is_async)}:"
        yield f'{INDENT * 2}"""{getattr(_core, client_name(other)).__doc__.splitlines()[0]}"""'
    if resource == "users":
        for method in PACKAGE_METHODS:
            yield from package_method_lines(name, method)
    for endpoint in endpoints_of(resource):
        yield from method_lines(endpoint, value_text(endpoint["answer"] | {"name": ""}), is_async)
    yield ""
    yield "@type_check_only"
    yield f"class {name}WithRawResponse({base}):"
    yield f'{INDENT}"""{name} whose methods return the answer as it came."""'
    yield ""
    word = "async def" if is_async else "def"
    for endpoint in endpoints_of(resource):
        lines = signature(f"{word} {endpoint['name']}", parameters_of(endpoint), "RawResponse", 1)
        yield from [*lines[:-1], f"{lines[-1]} ..."]
    yield ""


def core_stub() -> str:
    lines = [HEAD + MODEL_BASE.rstrip("\n"), *dump_lines(), *typed_dict_lines()]
    for model in MODELS.values():
        lines += model_lines(model)
    lines += [MODEL_LIST.rstrip("\n"), *frame_lines(), ""]
    lines += [RAW_RESPONSE, client_base(), NOT_BLOCKING]
    for is_async in (False, True):
        for resource in resources():
            lines += client_lines(resource, is_async)
    return "\n".join(lines).rstrip("\n") + "\n"


def models_stub() -> str:
    names = sorted(["Model", *MODELS])
    typed = ["UserSettingsNotifications", "UserSettingsUI"]
    imports = "\n".join(f"    {name} as {name}," for name in [*names, *typed])
    listed = "\n".join(f'    "{name}",' for name in names)
    return (
        "# Generated by scripts/generate_reference.py from the tables of the core: do not edit.\n"
        f"# ruff: noqa: I001\nfrom ._core import (\n{imports}\n)\n\n__all__ = [\n{listed}\n]\n"
    )


# ---------------------------------------------------------------- reference parts of the docs


def field_row(model: Row, field: Row) -> str:
    default = "required" if field["required"] else code(json.dumps(field["default"]))
    names = {other["name"] for other in model["fields"]}
    notes = [field["doc"]]
    if field["alias"] != field["name"]:
        notes.append(f"JSON key `{field['alias']}`.")
    if field["secret"]:
        notes.append("Masked in displays.")
    if epoch_name(field, names):
        notes.append(f"As a datetime: `{epoch_name(field, names)}`.")
    return (
        f"| {code(field['name'])} | {code(or_none(plain_text(field), field['nullable']))} "
        f"| {default} | {cell(' '.join(notes))} |"
    )


def models_reference() -> Iterator[str]:
    for model in MODELS.values():
        yield f"### {model['name']}"
        yield ""
        if model["base"]:
            yield f"Derives from `{model['base']}`."
            yield ""
        yield model["doc"]
        if model["unknown"] == "keep":
            yield ""
            yield "Unknown keys are kept: attributes, and part of dumps."
        yield ""
        yield from table_head("field", "type", "default", "meaning")
        yield from (field_row(model, field) for field in model["fields"])
        yield ""


def ui_reference() -> Iterator[str]:
    yield from table_head("key", "type", "meaning")
    for name, (annotation, doc) in UI_KEYS.items():
        yield f"| {code(name)} | {code(annotation)} | {cell(doc)} |"


def model_link(row: Row) -> str:
    """The type of a value, which leads to its model where it is one."""
    text = code(or_none(plain_text(row), row["nullable"]))
    return f"[{text}](models.md#{row['model'].lower()})" if row["model"] else text


def call_reference(endpoint: Row) -> Iterator[str]:
    short = [
        f"{param['name']}" if param["required"] else f"{param['name']}={param['default']!r}"
        for param in endpoint["params"]
    ]
    yield f"#### {endpoint['name']}"
    yield ""
    yield f"`{endpoint['name']}({', '.join(short)})`"
    yield ""
    older = (
        f"; {endpoint['older_method']} of servers before {endpoint['older_before']}"
        if endpoint["older_method"]
        else ""
    )
    again = "repeated" if endpoint["repeatable"] else "not repeated"
    yield (
        f"`{endpoint['method']} {endpoint['path']}`, since Open WebUI {endpoint['since']}{older}; "
        f"{again}"
    )
    yield ""
    yield endpoint["doc"].strip()
    yield ""
    for param in endpoint["params"]:
        since = f" Since Open WebUI {param['since']}." if param["since"] else ""
        kind = code(argument_text(param))
        if param["model"]:
            kind = f"[{kind}](models.md#{param['model'].lower()})"
        yield f"- {code(param['name'])} ({kind}): {param['doc']}{since}"
    if endpoint["params"]:
        yield ""
    yield f"Returns {model_link(endpoint['answer'])}: {endpoint['returns']}"
    yield ""
    if endpoint["not_found_hint"]:
        yield f"What is not found is a `NotFoundError`: {endpoint['not_found_hint']}."
        yield ""


def client_reference() -> Iterator[str]:
    for resource in resources():
        yield f"### {client_name(resource)}"
        yield ""
        for endpoint in endpoints_of(resource):
            yield from call_reference(endpoint)


def routes_reference() -> Iterator[str]:
    """Every route, and the call that stands for it."""
    yield from table_head("route", "call", "since", "repeated")
    for endpoint in _core.endpoint_table():
        yield table_row(
            f"`{endpoint['method']} {endpoint['path']}`",
            f"[`{endpoint['resource']}.{endpoint['name']}`](#{endpoint['name']})",
            endpoint["since"],
            "yes" if endpoint["repeatable"] else "",
        )


def many_reference() -> Iterator[str]:
    """The methods that make many calls, by their own documentation."""
    for name in ("map", *PACKAGE_METHODS):
        function = getattr(_core.UsersClient, name)
        summary, _, rest = (inspect.getdoc(function) or "").partition("\n\n")
        yield f"### {name}"
        yield ""
        yield f"`{name}({', '.join(declared(function, with_types=False)[1:])})`"
        yield ""
        yield " ".join(summary.split())
        yield ""
        yield "```text"
        yield rest
        yield "```"
        yield ""


def options_reference() -> Iterator[str]:
    yield from table_head("option", "type", "default", "meaning")
    for row in _core.option_table():
        doc = row["doc"][0].upper() + row["doc"][1:]
        part = "" if row["of_calls"] else " Part of the connections: not for `with_options`."
        yield (
            f"| {code(row['name'])} | {code(row['type'])} | {code(row['default'])} "
            f"| {cell(doc + part)} |"
        )


def faults_reference() -> Iterator[str]:
    for part in dict.fromkeys(row.part for row in FAULT_ROWS):
        yield f"## {part}"
        yield ""
        yield from table_head("fault", "what is promised", "shown by")
        for row in FAULT_ROWS:
            if row.part == part:
                tests = ", ".join(code(test.partition("::")[2]) for test in row.tests)
                yield f"| {cell(row.fault)} | {cell(row.promise)} | {tests} |"
        yield ""


def demand_reference() -> Iterator[str]:
    yield from table_head("fault", "what happens", "options")
    for name, function in FAULTS.items():
        options = ", ".join(declared(function))
        doc = (function.__doc__ or "").strip()
        yield f"| {code(name)} | {cell(doc)} | {code(options) if options else ''} |"


def classes_reference(*classes: type) -> Iterator[str]:
    """Classes of Python, by their own documentation."""
    for one in classes:
        yield from class_reference(one.__name__, one)


def admin_reference() -> Iterator[str]:
    """Which verb of administration has which of the arguments that many of them have."""
    shared = ("dry_run", "progress", "concurrency", "audit")
    yield from table_head("verb", *(f"`{name}`" for name in shared))
    for name, verb in public_verbs().items():
        has = inspect.signature(verb).parameters
        yield table_row(f"`{name}`", *("yes" if one in has else "" for one in shared))


def versions_reference() -> Iterator[str]:
    """Which of the known versions of the server has which calls and arguments."""
    versions = sorted((path.stem for path in OPENAPI.glob("*.json")), key=as_tuple)
    others = 0  # calls without any row
    yield from table_head("call or argument", *versions)
    for row in _core.endpoint_table():
        name = code(f"{row['resource']}.{row['name']}")
        facts = [(name, row["since"])]
        facts += [(f"{name}: {code(one['name'])}", one["since"]) for one in row["params"]]
        facts = [(text, since) for text, since in facts if since and since != versions[0]]
        if row["older_before"]:
            yield table_row(name, *(method_of(row, one) for one in versions))
        elif not facts:
            others += 1
        for text, since in facts:
            has_it = (is_at_least(one, since) for one in versions)
            yield table_row(text, *("yes" if one else "" for one in has_it))
    yield ""
    yield f"The other {others} calls are the same in all of them."


# ---------------------------------------------------------------- files


#: Pages of docs/, and what their generated parts are made by.
PAGES: dict[str, dict[str, Callable[[], Iterable[str]]]] = {
    "admin.md": {"arguments": admin_reference},
    "calls.md": {"routes": routes_reference, "calls": client_reference},
    "cli.md": {
        "exit codes": cli_reference.exit_codes,
        "options": cli_reference.shared_options,
        "commands": cli_reference.commands,
    },
    "client.md": {
        "options": options_reference,
        "time": partial(classes_reference, Timeout, Retry),
        "many": many_reference,
        "events": partial(classes_reference, RequestEvent, ResponseEvent, ClientStats),
    },
    "errors.md": {
        "tree": errors_reference.tree,
        "errors": partial(errors_reference.reference, "openwebui_users"),
        "admin errors": partial(errors_reference.reference, "openwebui_users.admin"),
    },
    "embedded-server.md": {
        "demand": demand_reference,
        "server": partial(classes_reference, EmbeddedServer, Recorded, AddedUser),
    },
    "faults.md": {"faults": faults_reference},
    "models.md": {"ui": ui_reference, "models": models_reference},
    "verbs.md": {
        "types": verbs_reference.types,
        "verbs": verbs_reference.verbs,
        "classes": verbs_reference.classes,
    },
    "versions.md": {"versions": versions_reference},
}


def page_text(path: Path, sections: dict[str, Callable[[], Iterable[str]]]) -> str:
    """What a page should hold: what was written by hand stays as it is."""
    text = path.read_text(encoding="utf-8")
    for name, lines in sections.items():
        text = with_section(text, name, lines())
    return text


def generated() -> dict[Path, str]:
    """What every generated file should hold."""
    package, docs = ROOT / "openwebui_users", ROOT / "docs"
    return {
        package / "_core.pyi": core_stub(),
        package / "models.pyi": models_stub(),
        **{docs / name: page_text(docs / name, sections) for name, sections in PAGES.items()},
    }


def stale() -> list[Path]:
    """Files that are not what the tables say."""
    return [
        path
        for path, text in generated().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, fail when stale")
    options = parser.parse_args(arguments)
    paths = stale()
    for path in paths:
        print(f"{'stale' if options.check else 'written'}: {path.relative_to(ROOT)}")
        if not options.check:
            path.write_text(generated()[path], encoding="utf-8")
    return 1 if options.check and paths else 0


if __name__ == "__main__":
    raise SystemExit(main())
