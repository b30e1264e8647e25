"""The OpenAPI 3.1 document, generated from the classes that parse requests and from the table of routes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import attrs

from carbon254.adapters.http.asking import written
from carbon254.adapters.http.executions import ExecutionTold
from carbon254.adapters.http.formats import PROBLEM, TABLES
from carbon254.adapters.http.problems import Problem
from carbon254.adapters.http.routes import Route
from carbon254.core.domain.schemas import json_schema
from carbon254.core.domain.vocabulary import kinds

_CELLS: Final[Mapping[str, Any]] = {
    "instant": {"type": ["string", "null"], "format": "date-time"},
    "number": {"type": ["number", "null"]},
    "text": {"type": ["string", "null"]},
    "count": {"type": ["integer", "null"]},
    "truth": {"type": "boolean"},
    "flags": {"type": "array", "items": {"type": "string"}},
}
_WORD: Final = "^[a-z0-9_]+(-[a-z0-9_]+)?$"
_PATH: Final[Mapping[str, Any]] = {
    "market": {"type": "string", "pattern": "^[a-z0-9_]+$", "examples": ["caiso"]},
    "run": {"type": "string", "pattern": _WORD, "examples": ["day_ahead"]},
    "measure": {"type": "string", "pattern": _WORD, "examples": ["price"]},
    "kind": {"type": "string", "enum": sorted(kinds()), "examples": ["hub"]},
    "location": {
        "type": "string", "pattern": "^([A-Za-z0-9._:-]|=[0-9A-F]{2})+$", "maxLength": 256,
        "examples": ["TH_NP15_GEN-APND"],
    },
    "model": {"type": "string", "pattern": "^[a-z][a-z0-9_]*$", "examples": ["naive"]},
    "execution": {"type": "string", "pattern": "^[0-9a-f]{12}$", "examples": ["0123456789ab"]},
    "decision": {"type": "string", "pattern": "^[0-9a-f]{16}$", "examples": ["0123456789abcdef"]},
}  # fmt: skip
_REFUSALS: Final = {
    "401": "No key, or none that is right and valid",
    "403": "Outside what the key shows; decision explains why",
    "404": "Not there",
    "406": "No format that is accepted can be written",
    "413": "The request or the answer is too large",
    "422": "Something was asked that cannot be; detail says what to change",
    "429": "Too many requests; Retry-After says when",
    "500": "The platform failed",
    "503": "A store or the audit log cannot answer; nothing was done",
}
_STARTING: Final = {
    "409": "The name stands for something else, or what came with the Idempotency-Key is being taken down",
}
_TAKEN: Final = "Taken down; the work goes on behind the answer"
_KEY: Final = {
    "name": "Idempotency-Key", "in": "header", "required": False,
    "description": "The same again, with the same body, starts nothing anew; with another it is refused.",
    "schema": {"type": "string", "maxLength": 128, "pattern": "^[!-~]*$"},
}  # fmt: skip
_PUBLIC: Final = ("413", "422", "500", "503")


def document(routes: Iterable[Route], version: str) -> dict[str, Any]:
    """The document of these routes."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "254Carbon",
            "version": version,
            "summary": "Prices, load and generation of power and carbon markets, with the moment each became known.",
            "description": "HEAD is answered wherever GET is, with the same headers and without the body.",
        },
        "paths": {route.path: _methods(route) for route in routes},
        "components": {
            "schemas": {"Problem": json_schema(Problem)},
            "responses": {
                status: _refusal(text) for status, text in {**_REFUSALS, **_STARTING}.items()
            },
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"key": []}],
    }


def _methods(route: Route) -> dict[str, Any]:
    methods = {"get": _operation(route)}
    return methods if route.body is None else {**methods, "post": _posting(route, route.body)}


def _posting(route: Route, body: type[Any]) -> dict[str, Any]:
    """A POST that is done at once, or taken down and done behind the answer."""
    if route.made is None:
        verb, parameters, status, what, told = "start", [_KEY], "202", _TAKEN, ExecutionTold
    else:
        verb, parameters, status, what, told = "name", [], "201", "It is there", route.made
    done = {
        "description": what,
        "headers": {
            "Location": {"description": "Where it is told of", "schema": {"type": "string"}}
        },
        "content": {"application/json": {"schema": _told(told)}},
    }
    refusals = {
        status: {"$ref": f"#/components/responses/{status}"} for status in (*_REFUSALS, *_STARTING)
    }
    return {
        "operationId": f"{verb}_{route.resource}",
        "summary": f"{verb.capitalize()}: {route.resource}",
        "parameters": parameters,
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _simple(json_schema(body))}},
        },
        "responses": {status: done, **refusals},
    }


def _refusal(text: str) -> dict[str, Any]:
    return {
        "description": text,
        "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


def _operation(route: Route) -> dict[str, Any]:
    refusals = _PUBLIC if route.public else tuple(_REFUSALS)
    answers: dict[str, Any] = {"200": {"description": route.summary, "content": _content(route)}}
    if not route.public:
        answers["304"] = {"description": "The answer is the one whose entity tag was sent"}
    answers |= {status: {"$ref": f"#/components/responses/{status}"} for status in refusals}
    operation: dict[str, Any] = {
        "operationId": "_".join(one for one in (route.resource, route.suffix) if one),
        "summary": route.summary,
        "parameters": [*_in_path(route.path), *_in_query(route.asked)],
        "responses": answers,
    }
    return {**operation, "security": []} if route.public else operation


def _in_path(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": _PATH[name]}
        for name in re.findall(r"\{(\w+)\}", path)
    ]


def _in_query(asked: Any) -> list[dict[str, Any]]:
    schema = json_schema(asked)
    return [
        _parameter(written(name), dict(facts), needed=name in schema["required"])
        for name, facts in schema["properties"].items()
    ]


def _parameter(name: str, schema: dict[str, Any], *, needed: bool) -> dict[str, Any]:
    """A query has no null: what may be left out is left out."""
    text = schema.pop("description", "")
    if schema.get("default", 0) in (None, "", []):
        del schema["default"]
    if "anyOf" in schema:
        (only,) = [one for one in schema.pop("anyOf") if one != {"type": "null"}]
        schema |= only
    return {"name": name, "in": "query", "required": needed, "description": text, "schema": schema}


def _content(route: Route) -> dict[str, Any]:
    if route.rows:
        whole: dict[str, Any] = {"schema": _table(route)}
        return {media: whole if name == "json" else {} for name, media in TABLES.items()}
    if route.media != "application/json":
        return {route.media: {"schema": {"type": "string"}}}
    return {route.media: {"schema": _plain(route)}}


def _table(route: Route) -> dict[str, Any]:
    row = {
        "type": "object",
        "properties": {name: _CELLS[kind] for name, kind in route.rows.items()},
    }
    paged = any(one.alias == "cursor" for one in attrs.fields(route.asked))
    properties = {"rows": {"type": "array", "items": row}}
    if paged:
        properties["next_cursor"] = {"type": ["string", "null"]}
    return {"type": "object", "properties": properties, "required": sorted(properties)}


def _plain(route: Route) -> dict[str, Any]:
    if attrs.has(route.answer):
        return _told(route.answer)
    return {"type": "object", "required": list(route.answer)}


def _told(answer: type[Any]) -> dict[str, Any]:
    """The schema of an answer, which may say more."""
    whole: dict[str, Any] = _simple(json_schema(answer))
    return {**whole, "additionalProperties": True}


def _simple(schema: Any) -> Any:
    """The schema with arrays for tuples of fixed length, whose keyword some readers of 3.1 do not know."""
    if isinstance(schema, list):
        return [_simple(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "prefixItems" in schema:
        return {"type": "array", "minItems": schema["minItems"]}
    return {name: _simple(one) for name, one in schema.items()}
