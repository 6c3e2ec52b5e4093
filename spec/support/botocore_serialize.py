"""Serializes requests with botocore and compares each with ours.

Reads a JSON file: [{operation, params, method, path, query, body}], prints the differences, and then
one line "compared N". The body is compared by its meaning, all else byte by byte.
"""
import json
import sys

from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.serialize import create_serializer
from botocore.compat import urlencode

cases = json.load(open(sys.argv[1], encoding="utf-8"))
model = ServiceModel(Loader().load_service_model("finspace-data", "service-2"), "finspace-data")
serializer = create_serializer("rest-json", include_validation=False)


def query_text(pairs):
    items = pairs.items() if hasattr(pairs, "items") else pairs
    return "&".join(sorted(urlencode({k: v}).replace("+", "%20") for k, v in items))


for number, case in enumerate(cases):
    theirs = serializer.serialize_to_request(case["params"], model.operation_model(case["operation"]))
    body = theirs["body"] if theirs["body"] else None
    expected = {
        "method": theirs["method"],
        "path": theirs["url_path"],
        "query": query_text(theirs["query_string"]),
        "body": json.loads(body) if body else None,
        "content_type": theirs["headers"].get("Content-Type"),
    }
    got = {
        "method": case["method"],
        "path": case["path"],
        "query": "&".join(sorted(case["query"].split("&"))),
        "body": json.loads(case["body"]) if "body" in case else None,
        "content_type": case.get("content_type"),
    }
    for field in expected:
        if expected[field] != got[field]:
            print(f"{number} {case['operation']} {field}: botocore {expected[field]!r}, ours {got[field]!r}")
print("compared", len(cases))
