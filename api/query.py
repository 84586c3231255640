"""Query parameters are a contract too: a misspelt filter must not silently show everything."""

from typing import Any

from fastapi import Request

from domain.errors import Invalid

__all__ = ["exact_query"]


def exact_query(request: Request) -> None:
    """Dependency: refuses parameters that the operation does not have, and single ones that are given twice.

    Raises `Invalid` naming the parameter and those that exist.
    """
    if not request.query_params:
        return
    known = _known(request)
    for name in request.query_params:
        if name not in known:
            choices = ", ".join(sorted(known)) or "none"
            raise Invalid("query.unknown", f"no parameter {name!r} here; known: {choices}", name=name, known=choices)
        if not known[name] and len(request.query_params.getlist(name)) > 1:
            raise Invalid("query.repeated", f"{name} may be given once only", name=name)


def _known(request: Request) -> dict[str, bool]:
    """Parameter → whether it may be repeated, from the contract itself."""
    table: dict[str, dict[str, bool]] | None = getattr(request.app.state, "queries", None)
    if table is None:
        table = {
            operation["operationId"]: {
                parameter["name"]: _many(parameter["schema"])
                for parameter in operation.get("parameters", ())
                if parameter["in"] == "query"
            }
            for operations in request.app.openapi()["paths"].values()
            for operation in operations.values()
        }
        request.app.state.queries = table
    return table[request.scope["route"].operation_id]


def _many(schema: dict[str, Any]) -> bool:
    return any(one.get("type") == "array" for one in (schema, *schema.get("anyOf", ())))
