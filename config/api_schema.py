"""The API's description: how one shows who one is, and the refusals every address may answer with, said once and added to each."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension

PROBLEM = {
    "type": "object",
    "description": "What was not done, in one sentence.",
    "required": ["problem"],
    "properties": {"problem": {"type": "string"}},
}
ALWAYS = {
    "401": "No token, or one that is unknown, revoked or over.",
    "403": "The role or the token does not allow this; the sentence names the role that does.",
    "404": "It does not exist, or belongs to somebody else.",
    "405": "This address does not answer this verb.",
    "422": "Refused: what was asked cannot be done; the sentence says why and what to do.",
    "429": "Too many requests; `Retry-After` says how many seconds to wait.",
}
WITH_BODY = {
    "400": "The body is no JSON, or broke off on its way.",
    "413": "The body is larger than this address takes.",
    "415": "The body is of another kind than the address takes.",
}
VERBS = ("get", "post", "put", "delete")


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "accounts.api_auth.BearerToken"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "The token of a service account."}


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "accounts.api_auth.SignedIn"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": "sessionid", "description": "Somebody who signed in on this site."}


def with_refusals(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """`result` with the component Problem and its answers on every operation."""
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM
    for operations in result["paths"].values():
        for verb in set(VERBS) & set(operations):
            said = {**ALWAYS, **(WITH_BODY if "requestBody" in operations[verb] else {})}
            for status, description in said.items():
                operations[verb]["responses"].setdefault(status, _refusal(status, description))
    return result


def _refusal(status: str, description: str) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "description": description,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    if status == "429":
        answer["headers"] = {"Retry-After": {"schema": {"type": "string"}, "description": "Seconds."}}
    return answer
