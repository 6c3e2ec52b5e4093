"""Signs requests with botocore, for comparison: reads a JSON list of requests from the file that is
named, and prints a JSON list of what botocore made of each of them."""
import datetime
import json
import sys

import botocore.auth as auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

SIGNERS = {
    ("finspace-api", "header"): auth.SigV4Auth,
    ("finspace-api", "query"): auth.SigV4QueryAuth,
    ("s3", "header"): auth.S3SigV4Auth,
    ("s3", "query"): auth.S3SigV4QueryAuth,
}


def request_of(case):
    url = "http://" + case["host"] + case["path"]
    if case.get("query"):
        url += "?" + case["query"]
    request = AWSRequest(method=case["method"], url=url, data=case["body"].encode("utf-8"))
    request.params = [tuple(pair) for pair in case.get("params") or []]
    for name, value in case["headers"]:
        request.headers.add_header(name, value)
    request.context["payload_signing_enabled"] = not case.get("unsigned")
    return request


def sign(case):
    credentials = Credentials(case["access_key_id"], case["secret_access_key"], case.get("session_token"))
    signer = SIGNERS[case["service"], case["form"]](credentials, case["service"], case["region"])
    if case["form"] == "query":
        signer._expires = case["expires"]
    request = request_of(case)
    now = datetime.datetime.fromtimestamp(case["time"], datetime.timezone.utc)
    request.context["timestamp"] = now.strftime(auth.SIGV4_TIMESTAMP)
    signer._modify_request_before_signing(request)
    canonical_request = signer.canonical_request(request)
    string_to_sign = signer.string_to_sign(request, canonical_request)
    signature = signer.signature(string_to_sign, request)
    signer._inject_signature_to_request(request, signature)
    return {
        "canonical_request": canonical_request,
        "string_to_sign": string_to_sign,
        "signature": signature,
        "headers": list(request.headers.items()),
        "query": request.url.partition("?")[2],
    }


with open(sys.argv[1], encoding="utf-8") as file:
    json.dump([sign(case) for case in json.load(file)], sys.stdout)
