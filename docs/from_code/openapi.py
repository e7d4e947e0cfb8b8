"""The REST interface, from openapi.yaml: addresses, operations with parameters and answers, schemas."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tracker_nb_server
import yaml

from from_code.tables import cell, table

METHODS = ("get", "post", "put", "patch", "delete")
RUN = "/stores/{store}/projects/{entity}/{project}/runs/{run}"


@functools.cache
def document() -> dict[str, Any]:
    """The description, as it is installed."""
    found: dict[str, Any] = yaml.safe_load(
        Path(tracker_nb_server.__file__).with_name("openapi.yaml").read_text("utf-8")
    )
    return found


def every() -> Iterator[tuple[str, str, dict[str, Any], list[dict[str, Any]]]]:
    """Method, path, operation and its parameters, those of the path first."""
    for path, item in document()["paths"].items():
        for method in METHODS:
            if method in item:
                parameters = [_found(one) for one in (*item.get("parameters", ()), *item[method].get("parameters", ()))]
                yield method.upper(), path, item[method], parameters


def addresses() -> str:
    """All operations, each with a link to the reference."""
    rows = (
        (f"[`{method} {path.replace(RUN, 'RUN')}`](rest-reference.md#{one['operationId']})", one["summary"])
        for method, path, one, _ in every()
    )
    return table(("request", "does"), rows)


def operations() -> str:
    """Every operation in full."""
    return "\n\n".join(_operation(*one) for one in every())


def schemas() -> str:
    """Every schema as a table of its fields."""
    parts = []
    for name, schema in document()["components"]["schemas"].items():
        parts.append(f"### {name} {{#schema-{name}}}")
        if "description" in schema:
            parts.append(schema["description"])
        parts.append(_fields(schema) or f"{_type(schema)}.")
    return "\n\n".join(parts)


def _operation(method: str, path: str, one: dict[str, Any], parameters: list[dict[str, Any]]) -> str:
    parts = [f"### {method} {path.replace('{', '&#123;').replace('}', '&#125;')} {{#{one['operationId']}}}"]
    parts += [one["summary"], one.get("description", "")]
    rows = (
        (
            f"`{parameter['name']}`",
            parameter["in"],
            _type(parameter["schema"]),
            parameter.get("description", ""),
        )
        for parameter in parameters
    )
    parts.append(table(("parameter", "in", "type", "what"), rows))
    if "requestBody" in one:
        (schema,) = _schemas_of(_found(one["requestBody"]))
        parts.append(f"**Body**: {_type(schema)}")
    answers = ((_status(status), *_answer(_found(answer))) for status, answer in one["responses"].items())
    parts.append(table(("status", "answer", "type"), answers))
    return "\n\n".join(filter(None, parts))


def _status(status: str) -> str:
    return "any other" if status == "default" else f"`{status}`"


def _answer(answer: dict[str, Any]) -> tuple[str, str]:
    types = ", ".join(map(_type, _schemas_of(answer)))
    return answer["description"], types


def _schemas_of(holder: dict[str, Any]) -> list[dict[str, Any]]:
    return [media["schema"] for media in holder.get("content", {}).values()]


def _found(given: dict[str, Any]) -> dict[str, Any]:
    """What a reference leads to."""
    while "$ref" in given:
        found: Any = document()
        for part in given["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        given = found
    return given


def _fields(schema: dict[str, Any], prefix: str = "") -> str:
    return table(("field", "type", "required", "what"), _rows(schema, prefix))


def _rows(schema: dict[str, Any], prefix: str) -> Iterator[tuple[str, str, str, str]]:
    required = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        below = field["items"] if field.get("type") == "array" else field
        list_mark = "[]" if below is not field else ""
        yield f"`{prefix}{name}`", _type(field), "yes" if name in required else "", field.get("description", "")
        if "properties" in below:
            yield from _rows(below, f"{prefix}{name}{list_mark}.")


def _type(schema: dict[str, Any]) -> str:
    """What a value is, in a few words of Markdown; names of schemas are links to them."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#schema-{name})" if "/schemas/" in schema["$ref"] else _type(_found(schema))
    for word, joined in (("oneOf", " or "), ("allOf", " and ")):
        if word in schema:
            return joined.join(map(_type, schema[word]))
    if "enum" in schema:
        return " or ".join(f"`{'null' if value is None else value}`" for value in schema["enum"])
    if "type" not in schema:
        return "anything"
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    said = " or ".join(kinds)
    if kinds == ["array"] and "items" in schema:
        said = f"list of {_type(schema['items'])}"
    elif "properties" in schema:
        said = "object with " + ", ".join(f"`{k}`: {_type(v)}" for k, v in schema["properties"].items())
    return cell(said + _limits(schema)).replace("\\|", "|")


def _limits(schema: dict[str, Any]) -> str:
    said = []
    if "format" in schema:
        said.append(schema["format"].upper() if schema["format"] == "uuid" else schema["format"])
    if "minimum" in schema or "maximum" in schema:
        said.append(f"{schema.get('minimum', '')} to {schema.get('maximum', '')}".strip().removesuffix(" to"))
    for word, text in (("maxLength", "at most {:,} characters"), ("maxItems", "at most {:,}"), ("pattern", "`{}`")):
        if word in schema:
            said.append(text.format(schema[word]))
    if "default" in schema:
        said.append(f"default `{schema['default']}`")
    return f" ({'; '.join(said)})" if said else ""
