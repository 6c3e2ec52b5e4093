"""boto3 with its default settings. boto3_client.py ENDPOINT FILE; prints `ok NAME` or `FAIL NAME: why`."""

import hashlib
import io
import os
import ssl
import sys
import urllib.request
import warnings

warnings.filterwarnings("ignore")
import boto3  # noqa: E402

endpoint, path = sys.argv[1:]
BUCKET = "finspace-local"
s3 = boto3.client("s3", endpoint_url=endpoint)
whole = open(path, "rb").read()


def read(key, **more):
    return s3.get_object(Bucket=BUCKET, Key=key, **more)["Body"].read()


def same(found, expected):
    assert found == expected, (found, expected)


def fetch(url, method="GET", body=None):
    request = urllib.request.Request(url, data=body, method=method)
    context = ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE"))
    return urllib.request.urlopen(request, context=context).read()


def put():
    s3.put_object(Bucket=BUCKET, Key="boto3/small", Body=b"hello")
    same(read("boto3/small"), b"hello")


def put_of_a_stream():
    s3.put_object(Bucket=BUCKET, Key="boto3/stream", Body=io.BytesIO(whole))
    same(hashlib.md5(read("boto3/stream")).hexdigest(), hashlib.md5(whole).hexdigest())


def upload_in_parts():
    s3.upload_file(path, BUCKET, "boto3/parts")
    same(hashlib.md5(read("boto3/parts")).hexdigest(), hashlib.md5(whole).hexdigest())


def copy_over_8_mib():
    s3.copy({"Bucket": BUCKET, "Key": "boto3/parts"}, BUCKET, "boto3/copy")
    same(hashlib.md5(read("boto3/copy")).hexdigest(), hashlib.md5(whole).hexdigest())


def list_objects():
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix="boto3/", PaginationConfig={"PageSize": 1})
    same([entry["Key"] for page in pages for entry in page["Contents"]], ["boto3/" + name for name in ("copy", "parts", "small", "stream")])


def ranges():
    same(read("boto3/small", Range="bytes=1-2"), b"el")


def presign():
    url = s3.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": "boto3/small"})
    same(fetch(url), b"hello")
    url = s3.generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": "boto3/put"})
    fetch(url, "PUT", b"by URL")
    same(read("boto3/put"), b"by URL")


def delete():
    bucket = boto3.resource("s3", endpoint_url=endpoint).Bucket(BUCKET)
    bucket.objects.filter(Prefix="boto3/s").delete()
    bucket.object_versions.filter(Prefix="boto3/").delete()
    same(list(bucket.objects.filter(Prefix="boto3/")), [])


deeds = {
    "put": put,
    "put of a stream": put_of_a_stream,
    "upload in parts": upload_in_parts,
    "copy over 8 MiB": copy_over_8_mib,
    "list": list_objects,
    "range": ranges,
    "presign": presign,
    "delete": delete,
}
for name, deed in deeds.items():
    try:
        deed()
        print("ok " + name)
    except Exception as problem:  # each deed is told apart
        print(f"FAIL {name}: {problem!r}")
