"""What can be said of a model class or a method: fields, signatures, schemas, displays.

Everything here is derived from the two tables of the compiled core, which calls these functions by
name (one argument each) the first time that somebody asks. Importing the package does not import
this module, and nothing dear is imported before a function needs it.
"""

from __future__ import annotations

import types
from functools import cache, wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast
from weakref import WeakKeyDictionary

from . import _core

if TYPE_CHECKING:
    import dataclasses
    import datetime
    import inspect
    from collections.abc import Callable, Iterator

    from pydantic import GetJsonSchemaHandler
    from pydantic_core import CoreSchema

T = TypeVar("T")
ModelClass = type[_core.Model]
Row = dict[str, Any]

MASK = "**********"


# ---------------------------------------------------------------- the tables, by name and by class


@cache
def models_by_name() -> dict[str, Row]:
    """The table of models."""
    return {row["name"]: row for row in _core.model_table()}


@cache
def _endpoints() -> dict[tuple[str, str], Row]:
    return {(row["resource"], row["name"]): row for row in _core.endpoint_table()}


def _class_of(name: str) -> ModelClass:
    """The class that the core made for this entry of the table."""
    found: ModelClass = getattr(_core, name)
    return found


@cache
def _rows_by_class() -> dict[type, Row]:
    return {_class_of(name): row for name, row in models_by_name().items()}


def _row_of(cls: type) -> Row | None:
    """The table's entry of a class or of the nearest of its bases; None for Model itself."""
    rows = _rows_by_class()
    return next((rows[base] for base in cls.__mro__ if base in rows), None)


def fields_of(cls: type) -> list[Row]:
    """The table's rows of a model's fields."""
    row = _row_of(cls)
    return [] if row is None else row["fields"]


def _once_a_class(function: Callable[[ModelClass], T]) -> Callable[[ModelClass], T]:
    """Remember the result for each class, without keeping the class alive."""
    known: WeakKeyDictionary[type, T] = WeakKeyDictionary()

    @wraps(function)
    def remembered(cls: ModelClass) -> T:
        if cls not in known:
            known[cls] = function(cls)
        return known[cls]

    return remembered


# ---------------------------------------------------------------- types


def _plain_type(kind: str, item: str | None, model: str | None) -> Any:
    if kind == "model":
        return _class_of(str(model))
    if kind == "list":
        return list[_plain_type(item or "any", None, model)]  # type: ignore[misc]
    if kind == "dict":
        return dict[str, _plain_type(item or "any", None, model)]  # type: ignore[misc]
    if kind == "date":
        import datetime

        return datetime.date
    simple = {"str": str, "int": int, "float": float, "bool": bool, "bytes": bytes, "nothing": None}
    return simple.get(kind, Any)


def annotation_of(row: Row) -> Any:
    """The Python type of a field, a parameter or an answer."""
    plain = _plain_type(row["kind"], row["item"], row["model"])
    return plain | None if row["nullable"] and plain is not Any else plain


def type_text(annotation: Any) -> str:
    """A type as people write it: `list[GroupModel] | None`."""
    if annotation is None or annotation is type(None):
        return "None"
    if isinstance(annotation, types.UnionType):
        return " | ".join(type_text(part) for part in annotation.__args__)
    if isinstance(annotation, types.GenericAlias):
        inner = ", ".join(type_text(part) for part in annotation.__args__)
        return f"{type_text(annotation.__origin__)}[{inner}]"
    if isinstance(annotation, type):
        return annotation.__name__
    return str(annotation).rpartition(".")[2]


# ---------------------------------------------------------------- fields


class _Undefined:
    """The default of a field that has none, as it must be given."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Undefined"

    def __bool__(self) -> bool:
        return False

    def __reduce__(self) -> str:
        return "Undefined"


Undefined = _Undefined()


class FieldInfo:
    """What is known of one field of a model.

    Attributes:
        name: attribute in Python.
        alias: key in JSON; differs from the name where that is a keyword of Python.
        annotation: the type of its values.
        required: must it be given?
        default: the value of a field that was not given; `Undefined` where it is required.
        kind: the table's word for the type: "str", "int", "date", "model", "list" …
        nullable: may it be None?
        secret: is it masked in everything that is meant to be looked at?
        excluded: is it left out of every dump?
        description: one sentence.
    """

    __slots__ = (
        "alias",
        "annotation",
        "default",
        "description",
        "excluded",
        "kind",
        "name",
        "nullable",
        "required",
        "secret",
    )

    name: str
    alias: str
    annotation: Any
    required: bool
    default: Any
    kind: str
    nullable: bool
    secret: bool
    excluded: bool
    description: str

    def __init__(self, row: Row) -> None:
        self.name = row["name"]
        self.alias = row["alias"]
        self.annotation = annotation_of(row)
        self.required = row["required"]
        self.default = Undefined if row["required"] else _default_of(row)
        self.kind = row["kind"]
        self.nullable = row["nullable"]
        self.secret = row["secret"]
        self.excluded = row["excluded"]
        self.description = row["doc"]

    def is_required(self) -> bool:
        """Must this field be given?"""
        return self.required

    def get_default(self) -> Any:
        """The default, fresh: changing it changes nothing else. `Undefined` where there is none."""
        import copy

        return copy.deepcopy(self.default)

    def __repr__(self) -> str:
        parts = [f"annotation={type_text(self.annotation)}", f"required={self.required}"]
        if not self.required:
            parts.append(f"default={self.default!r}")
        if self.alias != self.name:
            parts.append(f"alias={self.alias!r}")
        parts += [f"{flag}=True" for flag in ("secret", "excluded") if getattr(self, flag)]
        parts.append(f"description={self.description!r}")
        return f"FieldInfo({', '.join(parts)})"


def _default_of(row: Row) -> Any:
    """The default as the attribute shows it: a model where the table holds its JSON."""
    default = row["default"]
    if row["kind"] == "model" and isinstance(default, dict):
        return _class_of(row["model"]).model_validate(default)
    return default


@_once_a_class
def _field_infos(cls: ModelClass) -> dict[str, FieldInfo]:
    return {row["name"]: FieldInfo(row) for row in fields_of(cls)}


def model_fields(cls: ModelClass) -> dict[str, FieldInfo]:
    """Every field of a model by its name in Python, in the order of the table."""
    return dict(_field_infos(cls))


# ---------------------------------------------------------------- signatures


@_once_a_class
def model_signature(cls: ModelClass) -> inspect.Signature:
    """How a model is made: keyword-only, with the types and defaults of its fields."""
    import inspect

    if isinstance(cls.__init__, types.FunctionType):  # a subclass with a constructor of its own
        own = inspect.signature(cls.__init__)
        return own.replace(parameters=list(own.parameters.values())[1:])
    row = _row_of(cls)
    parameters = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            annotation=field.annotation,
            default=inspect.Parameter.empty if field.required else field.default,
        )
        for field in _field_infos(cls).values()
    ]
    # required fields may follow optional ones, which keyword-only parameters allow
    if row is not None and row["unknown"] == "keep":
        parameters.append(inspect.Parameter("extra", inspect.Parameter.VAR_KEYWORD, annotation=Any))
    return inspect.Signature(parameters, return_annotation=None)


@_once_a_class
def _as_dataclass(cls: ModelClass) -> type:
    """A dataclass of the same fields: the standard library's own description of them.

    Fields that are never dumped are left out, so that `dataclasses.asdict` does not dump them. None
    is of the constructor, so that `dataclasses.replace`, which knows of no unset fields and would
    send null for them, is refused: `model_copy(update=…)` and `copy.replace` know.
    """
    import dataclasses

    def spec(info: FieldInfo) -> Any:
        metadata = {"description": info.description, "secret": info.secret}
        options: dict[str, Any] = {"repr": not info.secret, "metadata": metadata, "init": False}
        if isinstance(info.default, (dict, list, _core.Model)):
            options["default_factory"] = info.get_default
        elif not info.required:
            options["default"] = info.default
        return dataclasses.field(**options)

    fields = [
        (info.name, info.annotation, spec(info))
        for info in _field_infos(cls).values()
        if not info.excluded
    ]
    return dataclasses.make_dataclass(
        cls.__name__, fields, init=False, repr=False, eq=False, match_args=False
    )


def dataclass_fields(cls: ModelClass) -> dict[str, dataclasses.Field[Any]]:
    """The class's `__dataclass_fields__`, by which FastAPI takes it for a request body."""
    fields: dict[str, dataclasses.Field[Any]] = _as_dataclass(cls).__dataclass_fields__  # type: ignore[attr-defined]
    return fields


def dataclass_params(cls: ModelClass) -> Any:
    """The class's `__dataclass_params__`, which pprint asks of what has dataclass fields."""
    return _as_dataclass(cls).__dataclass_params__  # type: ignore[attr-defined]


def check_subclass(cls: ModelClass) -> None:
    """Refuse what a subclass of a model cannot be: new fields, or two models at once.

    Raises:
        TypeError: the class would lose data without a word.
    """
    import inspect

    for name, annotation in inspect.get_annotations(cls).items():
        if not name.startswith("_") and "ClassVar" not in str(annotation):
            raise TypeError(
                f"{cls.__name__}.{name}: a subclass of a model cannot declare fields, which would "
                "be left out of everything that is read and sent; methods, properties and ClassVar "
                "can be added, and unknown keys are kept or carried as they come"
            )
    bases = [base for base in cls.__bases__ if issubclass(base, _core.Model)]
    if len(bases) > 1 and not any(all(issubclass(one, base) for base in bases) for one in bases):
        names = " and ".join(base.__name__ for base in bases)
        raise TypeError(f"{cls.__name__}: one object cannot be both {names}")


# ---------------------------------------------------------------- JSON Schema


def _type_schema(kind: str, item: str | None, model: str | None, ref: Callable[[str], Row]) -> Row:
    if kind == "model":
        return ref(str(model))
    if kind == "date":
        return {"format": "date", "type": "string"}
    if kind in ("dict", "list"):
        items = {} if item in (None, "any") else _type_schema(str(item), None, model, ref)
        if kind == "list":
            return {"items": items, "type": "array"}
        return {"additionalProperties": items or True, "type": "object"}
    names = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}
    return {"type": names[kind]} if kind in names else {}


def _property_schema(field: Row, ref: Callable[[str], Row]) -> Row:
    import copy

    schema = _type_schema(field["kind"], field["item"], field["model"], ref)
    if field["nullable"] and schema:
        schema = {"anyOf": [schema, {"type": "null"}]}
    if not field["required"]:
        schema["default"] = copy.deepcopy(field["default"])  # the caller's to change
    if field["doc"]:
        schema["description"] = field["doc"]
    if field["kind"] != "model":  # a reference has the title of what it refers to
        schema["title"] = field["alias"].replace("_", " ").title()
    return dict(sorted(schema.items()))


def _object_schema(cls: ModelClass, ref: Callable[[str], Row], *, dumped: bool = False) -> Row:
    """One model as a JSON Schema; `ref` says how to refer to another one by its name."""
    row = _row_of(cls)
    fields = [field for field in fields_of(cls) if not (dumped and field["excluded"])]
    schema: Row = {}
    if row is not None and row["unknown"] == "keep":
        schema["additionalProperties"] = True
    if cls.__doc__:
        schema["description"] = cls.__doc__.strip()
    schema["properties"] = {field["alias"]: _property_schema(field, ref) for field in fields}
    required = [field["alias"] for field in fields if field["required"]]
    if required:
        schema["required"] = required
    return {**schema, "title": cls.__name__, "type": "object"}


def model_json_schema(cls: ModelClass) -> Row:
    """The JSON Schema (draft 2020-12) of what makes an instance; nested models under `$defs`."""
    definitions: dict[str, Row] = {}

    def ref(name: str) -> Row:
        if name not in definitions:
            definitions[name] = {}  # holds the place while it is being made
            definitions[name] = _object_schema(_class_of(name), ref)
        return {"$ref": f"#/$defs/{name}"}

    schema = _object_schema(cls, ref)
    return {"$defs": dict(sorted(definitions.items())), **schema} if definitions else schema


# ---------------------------------------------------------------- pydantic and FastAPI


def _as_pydantic_error(error: Any, title: str) -> Any:
    """Our faults as pydantic's, which puts its own location before each of them."""
    from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError

    lines = [
        InitErrorDetails(
            type=PydanticCustomError(fault["type"], fault["msg"]),
            loc=tuple(fault["loc"]),
            input=fault["input"],
        )
        for fault in error.errors()
    ]
    return ValidationError.from_exception_data(title, lines)


@_once_a_class
def _pydantic_schema(cls: ModelClass) -> CoreSchema:
    from pydantic_core import core_schema as build

    from .errors import ValidationError

    def validate(value: Any, info: build.ValidationInfo[Any]) -> Any:
        strict = (info.config or {}).get("strict", False)
        try:
            return cls.model_validate(value, strict=strict)
        except ValidationError as error:
            raise _as_pydantic_error(error, cls.__name__) from None

    def serialize(value: Any, info: build.SerializationInfo) -> Any:
        if not isinstance(value, _core.Model):  # assigned without a check
            return value
        return value.model_dump(
            mode=info.mode,
            include=info.include,
            exclude=info.exclude,
            by_alias=bool(info.by_alias),
            exclude_unset=info.exclude_unset,
            exclude_defaults=info.exclude_defaults,
            exclude_none=info.exclude_none,
        )

    return build.with_info_plain_validator_function(
        validate,
        ref=f"{cls.__module__}.{cls.__qualname__}:{id(cls)}",
        serialization=build.plain_serializer_function_ser_schema(serialize, info_arg=True),
    )


def core_schema(arguments: tuple[ModelClass, Any, Any]) -> CoreSchema:
    """What pydantic does with a field of this class: check it and dump it by our own rules."""
    return cast("CoreSchema", dict(_pydantic_schema(arguments[0])))  # pydantic adds to it


def pydantic_json_schema(arguments: tuple[ModelClass, Any, GetJsonSchemaHandler]) -> Row:
    """The schema of model_json_schema(), with references as the document at hand wants them."""
    from pydantic_core import core_schema as build

    cls, _, handler = arguments

    def ref(name: str) -> Row:
        nested = _class_of(name)
        schema: Any = dict(_pydantic_schema(nested))
        schema["metadata"] = {"pydantic_js_functions": [nested.__get_pydantic_json_schema__]}
        # the handler makes definitions and references of what stands inside the schema it is given
        items: Row = handler(build.list_schema(schema))["items"]
        return items

    return _object_schema(cls, ref, dumped=handler.mode == "serialization")


# ---------------------------------------------------------------- displays


def shown_fields(obj: _core.Model) -> Iterator[tuple[str, Any]]:
    """Fields that have a value, then kept keys; secrets masked."""
    from .errors import secret_names

    infos = _field_infos(type(obj))
    names = secret_names()
    for name, value in obj:
        info = infos.get(name)
        secret = info.secret if info is not None else name in names
        hidden = secret and value is not None
        yield name, MASK if hidden else value


def rich_repr(obj: _core.Model) -> list[tuple[str, Any]]:
    """What rich shows of an instance."""
    return list(shown_fields(obj))


def repr_html(obj: _core.Model) -> str:
    """What notebooks show of an instance."""
    from . import _html

    return _html.repr_html(obj)


def repr_mimebundle(arguments: tuple[_core.Model, Any, Any]) -> dict[str, str]:
    """The same beside its text; arguments: the instance, MIME types that are wanted and not."""
    from . import _html

    return _html.repr_mimebundle(*arguments)


# ---------------------------------------------------------------- methods of the clients


def epoch_to_datetime(arguments: tuple[int, bool]) -> datetime.datetime:
    """The moment that an epoch field counts to, in UTC; arguments: value, is it in nanoseconds?"""
    import datetime

    value, is_nanoseconds = arguments
    microseconds = value // 1000 if is_nanoseconds else value * 1_000_000
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    try:
        return epoch + datetime.timedelta(microseconds=microseconds)
    except OverflowError:
        raise ValueError("this moment lies outside the years 1 to 9999") from None


def _is_form(param: Row) -> bool:
    """Is it a body whose fields may be given as keywords instead?"""
    return bool(param["place"] == "body" and param["kind"] == "model")


def argument_annotation(param: Row) -> Any:
    """What may be given for a parameter: a form also as a mapping, or left out."""
    plain = _plain_type(param["kind"], param["item"], param["model"])
    if _is_form(param):
        from collections.abc import Mapping

        return plain | Mapping[str, Any] | None
    optional = param["nullable"] or (not param["required"] and param["default"] is None)
    return plain | None if optional and plain is not Any else plain


def form_fields(endpoint: Row) -> tuple[list[Row], bool]:
    """Fields of the form that a method takes as keywords, and whether it takes others as well."""
    form = next((param for param in endpoint["params"] if _is_form(param)), None)
    if form is None:
        return [], False
    model = models_by_name()[form["model"]]
    taken = {param["name"] for param in endpoint["params"]}
    return [f for f in model["fields"] if f["name"] not in taken], model["unknown"] == "keep"


def endpoint_signature(key: tuple[str, str]) -> inspect.Signature:
    """How a method of a client (resource and name) is called, `self` included.

    The fields of a form show `...` as default: what is not given is not sent.
    """
    import inspect

    endpoint = _endpoints()[key]
    named, keywords = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
    parameters = [inspect.Parameter("self", named)]
    for param in endpoint["params"]:
        required = param["required"] and not _is_form(param)
        default = inspect.Parameter.empty if required else param["default"]
        parameters.append(
            inspect.Parameter(
                param["name"], named, annotation=argument_annotation(param), default=default
            )
        )
    fields, takes_more = form_fields(endpoint)
    parameters += [
        inspect.Parameter(f["name"], keywords, annotation=annotation_of(f), default=...)
        for f in fields
    ]
    if takes_more:
        parameters.append(inspect.Parameter("extra", inspect.Parameter.VAR_KEYWORD, annotation=Any))
    return inspect.Signature(parameters, return_annotation=annotation_of(endpoint["answer"]))
