"""Validates requests against an OpenAPI document with an independent implementation (openapi-core).

Reads JSON from standard input: "spec" (path of the document) and "requests", each with "method", "target" (path and
query), "headers" (pairs) and "body" (base64). Writes one JSON line: for each request the operation it is and a list of
what is wrong with it.
"""

import base64
import email
import json
import sys
from email import policy
from urllib.parse import parse_qsl, unquote, urlsplit

from jsonschema import Draft202012Validator
from openapi_core import OpenAPI
from openapi_core.datatypes import RequestParameters
from openapi_core.templating.paths.finders import APICallPathFinder
from werkzeug.datastructures import Headers, ImmutableMultiDict

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"


class Request:
    """A request as openapi-core asks for it."""

    host_url = "http://provider.example"

    def __init__(self, seen):
        target = urlsplit(seen["target"])
        self.path = unquote(target.path)
        self.method = seen["method"].lower()
        self.query = parse_qsl(target.query, keep_blank_values=True, strict_parsing=bool(target.query))
        self.headers = Headers([tuple(pair) for pair in seen["headers"]])
        self.content_type = self.headers.get("content-type", "")
        self.body = base64.b64decode(seen["body"]) or None
        self.parameters = RequestParameters(query=ImmutableMultiDict(self.query), header=self.headers)

    def fields(self):
        """The names in a form, each as often as it comes."""
        kind = self.content_type.split(";")[0].strip().lower()
        if kind == FORM:
            pairs = parse_qsl(self.body.decode("ascii"), keep_blank_values=True, strict_parsing=True)
            return kind, [name for name, _ in pairs]
        if kind == MULTIPART:
            head = f"content-type: {self.content_type}\r\n\r\n".encode()
            parts = email.message_from_bytes(head + self.body, policy=policy.HTTP).iter_parts()
            return kind, [part.get_param("name", header="content-disposition") for part in parts]
        return kind, []


def said(error):
    """An error with its causes, and what the schema says of each."""
    while error is not None:
        yield f"{type(error).__name__}: {error}"
        for inner in getattr(error, "schema_errors", None) or ():
            yield f"{'/'.join(map(str, inner.path))}: {inner.message}"
        error = error.__cause__


def names(known, closed, used):
    """openapi-core reads what it knows of a query or a form; this refuses the rest, and repeats."""
    schema = {
        "properties": {name: True for name in known},
        "additionalProperties": not closed,
    }
    for error in Draft202012Validator(schema).iter_errors(dict.fromkeys(used)):
        yield error.message
    for name in sorted(set(used)):
        if used.count(name) > 1:
            yield f"{name} comes twice"


def check(api, request):
    problems = []
    try:
        api.validate_request(request)
    except Exception as error:  # whatever stops the validator is no valid request
        problems.extend(said(error))
    try:
        found = APICallPathFinder(api.spec, base_url="/").find(request.method, request.path)
    except Exception as error:
        return None, [*problems, *said(error)]
    operation = found.operation.read_value()
    known = [one for one in operation.get("parameters", []) if one.get("in") == "query"]
    problems += names([one["name"] for one in known], True, [name for name, _ in request.query])
    kind, used = request.fields()
    if used:
        schema = operation.get("requestBody", {}).get("content", {}).get(kind, {}).get("schema", {})
        closed = schema.get("additionalProperties") is False
        problems += names(schema.get("properties", {}), closed, used)
    elif request.body and "requestBody" not in operation:
        problems.append("a body where there is none")
    return operation["operationId"], problems


asked = json.load(sys.stdin)
api = OpenAPI.from_file_path(asked["spec"])
answers = []
for seen in asked["requests"]:
    operation, problems = check(api, Request(seen))
    answers.append({"operation": operation, "problems": problems})
print(json.dumps(answers))
