"""Prints how many microseconds botocore takes to sign the request of spec/bench/signing.lua: by the clock, of the processor."""
import sys
import time

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

URL = "https://finspace-api.us-east-1.amazonaws.com/datasets/dataset1/changesetsv2"
BODY = b"b" * 386
COUNT = int(sys.argv[1])

signer = SigV4Auth(Credentials("AKIDEXAMPLE", "secret", "t" * 800), "finspace-api", "us-east-1")


def sign():
    request = AWSRequest("POST", URL, {"Content-Type": "application/json"}, BODY)
    request.context["timestamp"] = "20260921T141320Z"
    signer.add_auth(request)


sign()
began, used = time.perf_counter(), time.process_time()
for _ in range(COUNT):
    sign()
print((time.perf_counter() - began) * 1e6 / COUNT, (time.process_time() - used) * 1e6 / COUNT)
