"""JSON Schemas of Structs, and the example that the meanings of their fields make up."""

import re
from collections.abc import Iterable

import msgspec

Schema = dict[str, object]

_PREFIX = "#/components/schemas/"
# msgspec calls a Page of Chats `Page_Chat_`.
_GENERIC = re.compile(r"\bPage_([A-Za-z]+)_")


def named(shape: type[msgspec.Struct]) -> str:
    """Return the name of *shape* among the components."""
    (reference,), _ = _generated([shape])
    return str(reference["$ref"]).removeprefix(_PREFIX)


def reference(name: str) -> Schema:
    """Return a reference to a component."""
    return {"$ref": _PREFIX + name}


def of_requests(shapes: Iterable[type[msgspec.Struct]]) -> dict[str, Schema]:
    """Return the components for what is asked."""
    each = list(shapes)
    components = _components(each)
    for shape in each:
        # As `bodies.body_of` has it.
        if hasattr(shape, "ONE_OF"):
            components[named(shape)]["anyOf"] = [{"required": [name]} for name in shape.ONE_OF]
    return components


def of_answers(shapes: Iterable[type[msgspec.Struct]]) -> dict[str, Schema]:
    """Return the components for what is answered: all fields are there, those too that have a default on our side.

    But for those that can be unset: they have no default that could be told.
    """
    return {name: _whole(schema) for name, schema in _components(shapes).items()}


def fields_of(schema: Schema) -> dict[str, Schema]:
    """Return the fields of an object."""
    fields = schema.get("properties")
    return fields if isinstance(fields, dict) else {}


def required_of(schema: Schema) -> list[str]:
    """Return the fields that an object must have."""
    required = schema.get("required")
    return required if isinstance(required, list) else []


def example(schema: Schema, components: dict[str, Schema]) -> Schema:
    """Return an object of *schema*, made of the examples that are told of the fields that it must have."""
    fields = fields_of(schema)
    return {name: _example(fields[name], components) for name in required_of(schema)}


def _example(schema: Schema, components: dict[str, Schema]) -> object:
    match schema:
        case {"examples": [first, *_]} | {"enum": [first, *_]} | {"const": first}:
            return first
        case {"$ref": str(name)}:
            return example(components[name.removeprefix(_PREFIX)], components)
        case {"anyOf": [dict(first), *_]}:
            return _example(first, components)
        case {"type": "array", "items": dict(items)}:
            return [_example(items, components)]
        case _:
            return False


def words(schema: Schema) -> str:
    """Return the type of *schema* in words, as `string or null`."""
    match schema:
        case {"$ref": str(name)}:
            return name.removeprefix(_PREFIX)
        case {"enum": list(values)}:
            return " or ".join(f"`{msgspec.json.encode(value).decode()}`" for value in values)
        case {"anyOf": list(kinds)}:
            return " or ".join(words(kind) for kind in kinds)
        case {"type": "array", "items": dict(items)}:
            return f"list of {words(items)}"
        case _:
            return str(schema.get("type", "anything"))


def without_null(schema: Schema) -> Schema:
    """Return *schema* as a query or a header can hold it: absent, but never null."""
    match schema:
        case {"anyOf": [dict(only), {"type": "null"}]}:
            return {**{word: value for word, value in schema.items() if word != "anyOf"}, **only}
        case _:
            return schema


def _generated(shapes: Iterable[type[msgspec.Struct]]) -> tuple[list[Schema], dict[str, Schema]]:
    generated = msgspec.json.schema_components(shapes, ref_template=_PREFIX + "{name}")
    renamed = _GENERIC.sub(r"\1Page", msgspec.json.encode(generated).decode())
    return msgspec.json.decode(renamed, type=tuple[list[Schema], dict[str, Schema]])


def _components(shapes: Iterable[type[msgspec.Struct]]) -> dict[str, Schema]:
    _, components = _generated(shapes)
    for schema in components.values():
        schema.pop("title", None)
    return components


def _whole(schema: Schema) -> Schema:
    if "properties" not in schema:
        return schema
    required = required_of(schema)
    whole = [name for name, field in fields_of(schema).items() if name in required or "default" in field]
    return {**schema, "required": whole}
