"""Drives the service with boto3, from the two files that AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE
name and from nothing else. `interoperability.py SUBJECT FILE` prints one JSON object that the spec judges.
"""

import datetime
import hashlib
import io
import json
import os
import sys
import time

import boto3
import botocore.auth
from botocore.config import Config
from botocore.exceptions import ClientError

ONCE = Config(retries={"max_attempts": 0})
UNCHECKED = Config(retries={"max_attempts": 0}, parameter_validation=False)


def wait(read, finals=("SUCCESS", "FAILED")):
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        answer = read()
        if answer["status"] in finals:
            return answer
        time.sleep(0.02)
    raise TimeoutError("not finished within 20 s")


def stage(finspace, s3, body, name="data.csv"):
    location = finspace.get_working_location(locationType="INGESTION")
    s3.put_object(Bucket=location["s3Bucket"], Key=location["s3Path"] + name, Body=body)
    return {"s3SourcePath": location["s3Uri"] + name, "sourceType": "S3"}


CSV = {"formatType": "CSV", "withHeader": "true", "separator": ","}


def load(finspace, s3, dataset, body, change_type="APPEND"):
    source = stage(finspace, s3, body)
    made = finspace.create_changeset(
        datasetId=dataset, changeType=change_type, sourceParams=source, formatParams=CSV)
    return wait(lambda: finspace.get_changeset(datasetId=dataset, changesetId=made["changesetId"]))


def flow(path):
    """The main job: a file on disk becomes a SUCCESS changeset."""
    finspace, s3 = boto3.client("finspace-data", config=ONCE), boto3.client("s3", config=ONCE)
    dataset = finspace.create_dataset(
        datasetTitle="S&P 500", kind="TABULAR", permissionGroupParams={})["datasetId"]
    location = finspace.get_working_location(locationType="INGESTION")
    key = location["s3Path"] + "prices.csv"
    s3.upload_file(path, location["s3Bucket"], key)
    with open(path, "rb") as file:
        content = file.read()
    stored = s3.get_object(Bucket=location["s3Bucket"], Key=key)["Body"].read()
    made = finspace.create_changeset(
        datasetId=dataset, changeType="APPEND", formatParams=CSV,
        sourceParams={"s3SourcePath": location["s3Uri"] + "prices.csv", "sourceType": "S3"})
    final = wait(lambda: finspace.get_changeset(datasetId=dataset, changesetId=made["changesetId"]))
    listed = finspace.list_changesets(datasetId=dataset)["changesets"]
    return {
        "same_bytes": stored == content,
        "status": final["status"],
        "listed": [changeset["changesetId"] for changeset in listed] == [made["changesetId"]],
        "found": dataset in [d["datasetId"] for d in finspace.list_datasets()["datasets"]],
    }


def code_of(call):
    try:
        call()
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return "%d %s" % (status, error.response["Error"]["Code"])
    return "accepted"


class MovedClock(datetime.datetime):
    real = datetime.datetime  # the module's own name for it is this class, while the clock is moved
    offset = datetime.timedelta(0)

    @classmethod
    def now(cls, tz=None):
        return cls.real.now(tz) + cls.offset

    @classmethod
    def utcnow(cls):
        return cls.real.now(datetime.timezone.utc).replace(tzinfo=None) + cls.offset


def with_clock(minutes, call):
    """botocore asks for the time in one function, or of the class it imported."""
    offset = datetime.timedelta(minutes=minutes)
    MovedClock.offset = offset
    kept_class = getattr(botocore.auth.datetime, "datetime", None)
    kept = getattr(botocore.auth, "get_current_datetime", None)
    if kept:
        botocore.auth.get_current_datetime = lambda *a, **k: kept(*a, **k) + offset
    else:
        botocore.auth.datetime.datetime = MovedClock
    try:
        return call()
    finally:
        if kept:
            botocore.auth.get_current_datetime = kept
        else:
            botocore.auth.datetime.datetime = kept_class


def altered(client, event):
    """A client whose body is changed after it was signed."""
    def change(request, **_):
        if request.body:
            body = request.body.read() if hasattr(request.body, "read") else request.body
            request.body = bytes(body).replace(b"INGESTION", b"SAGEMAKER").replace(b"one", b"two")
    client.meta.events.register_last(event, change)
    return client


def refusals(_path):
    session = boto3.Session()
    keys = session.get_credentials().get_frozen_credentials()

    def finspace(**other):
        return session.client("finspace-data", config=ONCE, **other)

    def s3(**other):
        return session.client("s3", config=ONCE, **other)

    wrong = {"aws_access_key_id": keys.access_key, "aws_secret_access_key": "x" * 40}
    unknown = {"aws_access_key_id": "AKIAAAAAAAAAAAAAAAAA", "aws_secret_access_key": keys.secret_key}

    def work(client):
        return lambda: client.get_working_location(locationType="INGESTION")

    def put(client):
        return lambda: client.put_object(Bucket="finspace-local", Key="refused", Body=b"one")

    return {
        "finspace": {
            "right": code_of(work(finspace())),
            "wrong secret": code_of(work(finspace(**wrong))),
            "unknown key": code_of(work(finspace(**unknown))),
            "altered body": code_of(work(altered(finspace(), "before-send.finspace-data"))),
            "20 minutes late": with_clock(-20, lambda: code_of(work(finspace()))),
            "20 minutes early": with_clock(20, lambda: code_of(work(finspace()))),
        },
        "s3": {
            "right": code_of(put(s3())),
            "wrong secret": code_of(put(s3(**wrong))),
            "unknown key": code_of(put(s3(**unknown))),
            "altered body": code_of(put(altered(s3(), "before-send.s3"))),
            "20 minutes late": with_clock(-20, lambda: code_of(put(s3()))),
            "20 minutes early": with_clock(20, lambda: code_of(put(s3()))),
        },
    }


SCHEMA = {"tabularSchemaConfig": {
    "columns": [
        {"dataType": "STRING", "columnName": "ticker", "columnDescription": "symbol"},
        {"dataType": "DOUBLE", "columnName": "price"},
    ],
    "primaryKeyColumns": ["ticker"],
}}


class Nodes:
    """A client of a service that has several nodes: each call goes to the next one."""

    def __init__(self, endpoints):
        self.clients = [boto3.client("finspace-data", config=ONCE, endpoint_url=each) for each in endpoints]
        self.meta, self.turn = self.clients[0].meta, 0

    def __getattr__(self, name):
        self.turn += 1
        return getattr(self.clients[self.turn % len(self.clients)], name)


def finspace_client():
    return Nodes(os.environ.get("FINSPACE_NODES", "").split() or [None])


class Recorder:
    """Calls operations, and remembers which, and how much of each answer's model came back."""

    def __init__(self, client):
        self.client, self.called, self.members = client, [], {}

    def __call__(self, method, **params):
        answer = getattr(self.client, method)(**params)
        name = self.client.meta.method_to_api_mapping[method]
        self.called.append(name)
        answer.pop("ResponseMetadata")
        self.members.setdefault(name, set()).update(answer)
        return answer


def people(call, result):
    group = call("create_permission_group", name="Analysts", description="They read",
                 applicationPermissions=["CreateDataset", "GetTemporaryCredentials"])["permissionGroupId"]
    role = "arn:aws:iam::123456789012:role/analyst"
    user = call("create_user", emailAddress="ada@example.org", type="APP_USER", firstName="Ada",
                lastName="L", apiAccess="ENABLED", apiAccessPrincipalArn=role)["userId"]
    call("associate_user_to_permission_group", permissionGroupId=group, userId=user)
    call("update_user", userId=user, firstName="Augusta")
    call("update_permission_group", permissionGroupId=group, description="They read and write")
    shown, its_group = call("get_user", userId=user), call("get_permission_group", permissionGroupId=group)
    result["user"] = [shown["firstName"], shown["status"], its_group["permissionGroup"]["description"]]
    result["members"] = [
        [u["userId"] for u in call("list_users_by_permission_group", permissionGroupId=group, maxResults=10)["users"]]
        == [user],
        [g["permissionGroupId"] for g in
         call("list_permission_groups_by_user", userId=user, maxResults=10)["permissionGroups"]] == [group],
        user in [u["userId"] for u in call("list_users", maxResults=100)["users"]],
        group in [g["permissionGroupId"] for g in call("list_permission_groups", maxResults=100)["permissionGroups"]],
    ]
    result["password"] = len(call("reset_user_password", userId=user)["temporaryPassword"])
    return group, user, role


def as_user(role):
    keys = boto3.client("sts", config=ONCE).assume_role(RoleArn=role, RoleSessionName="spec")["Credentials"]
    return boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"],
                         region_name=boto3.Session().region_name)


def permissions(call, result, group, user, role, dataset):
    analyst = as_user(role)
    theirs = analyst.client("finspace-data", config=ONCE)
    result["as analyst"] = {
        "own": code_of(lambda: theirs.get_user(userId=user)),
        "users": code_of(lambda: theirs.list_users(maxResults=5)),
        "dataset": code_of(lambda: theirs.get_dataset(datasetId=dataset)),
        "load": code_of(lambda: theirs.create_changeset(
            datasetId=dataset, changeType="APPEND", sourceParams={"s3SourcePath": "s3://a/b"}, formatParams={})),
        "listed": len(theirs.list_datasets()["datasets"]),
    }
    call("disable_user", userId=user)
    result["disabled"] = code_of(lambda: theirs.get_user(userId=user))
    call("enable_user", userId=user)
    result["enabled"] = code_of(lambda: theirs.get_user(userId=user))
    call("disassociate_user_from_permission_group", permissionGroupId=group, userId=user)
    result["left"] = code_of(lambda: theirs.get_dataset(datasetId=dataset))


def read_view(call, dataset, view):
    details = call("get_external_data_view_access_details", datasetId=dataset, dataViewId=view)
    keys, location = details["credentials"], details["s3Location"]
    s3 = boto3.client("s3", config=ONCE, aws_access_key_id=keys["accessKeyId"],
                      aws_secret_access_key=keys["secretAccessKey"], aws_session_token=keys["sessionToken"])
    names = [o["Key"] for o in s3.list_objects_v2(Bucket=location["bucket"], Prefix=location["key"])["Contents"]]
    files = {name[len(location["key"]):]: s3.get_object(Bucket=location["bucket"], Key=name)["Body"].read().decode()
             for name in names}
    outside = code_of(lambda: s3.list_objects_v2(Bucket=location["bucket"], Prefix="scratch/"))
    writing = code_of(lambda: s3.put_object(Bucket=location["bucket"], Key=location["key"] + "x", Body=b"x"))
    return files, [outside, writing]


def data(call, result, group):
    finspace, s3 = call.client, boto3.client("s3", config=ONCE)
    dataset = call("create_dataset", datasetTitle="Prices", kind="TABULAR", alias="alias/prices",
                   datasetDescription="d", ownerInfo={"name": "Ada", "email": "ada@example.org"},
                   schemaDefinition=SCHEMA, permissionGroupParams={
                       "permissionGroupId": group,
                       "datasetPermissions": [{"permission": "ViewDatasetDetails"}]})["datasetId"]
    call("update_dataset", datasetId=dataset, datasetTitle="Prices, daily", kind="TABULAR")
    shown = call("get_dataset", datasetId="alias/prices")
    result["dataset"] = [shown["datasetTitle"], shown["alias"], shown["schemaDefinition"] == SCHEMA]
    result["datasets"] = len(call("list_datasets", maxResults=100)["datasets"])

    call("get_working_location", locationType="SAGEMAKER")
    source = stage(finspace, s3, b"ticker,price\nB,2\nA,1\n")
    first = call("create_changeset", datasetId=dataset, changeType="APPEND", sourceParams=source,
                 formatParams=CSV)["changesetId"]
    wait(lambda: call("get_changeset", datasetId=dataset, changesetId=first))
    better = stage(finspace, s3, b"ticker,price\nB,20\nA,10\n")
    second = call("update_changeset", datasetId=dataset, changesetId=first, sourceParams=better,
                  formatParams=CSV)["changesetId"]
    final = wait(lambda: call("get_changeset", datasetId=dataset, changesetId=second))
    earlier = call("get_changeset", datasetId=dataset, changesetId=first)
    result["modify"] = [final["changeType"], final["updatesChangesetId"] == first,
                        earlier["updatedByChangesetId"] == second, "activeUntilTimestamp" in earlier]
    result["changesets"] = len(call("list_changesets", datasetId=dataset)["changesets"])

    view = call("create_data_view", datasetId=dataset, autoUpdate=True, sortColumns=["ticker"],
                partitionColumns=[], destinationTypeParams={
                    "destinationType": "S3", "s3DestinationExportFileFormat": "DELIMITED_TEXT",
                    "s3DestinationExportFileFormatOptions": {"header": "true", "delimiter": ","}})["dataViewId"]
    wait(lambda: call("get_data_view", datasetId=dataset, dataViewId=view))
    result["view"], result["view keys"] = read_view(call, dataset, view)
    result["views"] = len(call("list_data_views", datasetId=dataset)["dataViews"])
    load(finspace, s3, dataset, b"ticker,price\nC,3\n")
    wait(lambda: call("get_data_view", datasetId=dataset, dataViewId=view))
    result["view after"], _ = read_view(call, dataset, view)
    return dataset


def missing_members(client, members):
    """The members of each operation's answer that no call brought back."""
    missing = {}
    for name, seen in members.items():
        shape = client.meta.service_model.operation_model(name).output_shape
        left = sorted(set(shape.members) - seen)
        if left:
            missing[name] = left
    return missing


HARD_KEYS = [
    "plain", "a b", "a+b", "a%20b", "a%2Bb", "100%", "quote'\"", "<&>", "\u00e9", "\u6f22\u5b57", "\U0001f600",
    "a/../b", "./x", "..", "a//b", "/lead", "tail/", "a/./b", "~", "#frag", "q?x=1&y", "semi;colon", "a=b", "$",
    "back\\slash", "tab\tkey", "x" * 1024,
]


def objects(_path):
    """Hard keys, and a file that boto3 sends in parts, go there and come back."""
    s3, differ = boto3.client("s3", config=ONCE), []
    for key in HARD_KEYS:
        s3.put_object(Bucket="finspace-local", Key=key, Body=key.encode(), Metadata={"n": str(len(key))})
        answer = s3.get_object(Bucket="finspace-local", Key=key)
        if answer["Body"].read() != key.encode() or answer["Metadata"] != {"n": str(len(key))}:
            differ.append(key)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket="finspace-local", PaginationConfig={"PageSize": 5})
    listed = {entry["Key"] for page in pages for entry in page["Contents"]}
    differ += [key for key in HARD_KEYS if key not in listed]
    body = hashlib.sha256(b"seed").digest() * (640 * 1024)
    s3.upload_fileobj(io.BytesIO(body), "finspace-local", "multipart")
    target = io.BytesIO()
    s3.download_fileobj("finspace-local", "multipart", target)
    tagged = s3.head_object(Bucket="finspace-local", Key="multipart")["ETag"]
    for key in HARD_KEYS:
        s3.delete_object(Bucket="finspace-local", Key=key)
    left = s3.list_objects_v2(Bucket="finspace-local", Prefix="plain")["KeyCount"]
    return {"differ": differ, "keys": len(HARD_KEYS), "left": left,
            "multipart": target.getvalue() == body and tagged.endswith('-3"')}


def operations(_path):
    """Every operation that boto3 knows, once at least."""
    client, result = finspace_client(), {}
    call = Recorder(client)
    group, user, role = people(call, result)
    dataset = data(call, result, group)
    permissions(call, result, group, user, role, dataset)
    environment = "any"
    keys = call("get_programmatic_access_credentials", environmentId=environment, durationInMinutes=60)["credentials"]
    mine = boto3.Session(keys["accessKeyId"], keys["secretAccessKey"], keys["sessionToken"],
                         region_name=client.meta.region_name)
    result["programmatic"] = code_of(lambda: mine.client("finspace-data", config=ONCE).list_datasets())
    call("delete_permission_group", permissionGroupId=group)
    call("delete_dataset", datasetId=dataset)
    known = set(client.meta.service_model.operation_names)
    result["not called"] = sorted(known - set(call.called))
    result["members missing"] = missing_members(client, call.members)
    result["operations"] = len(known)
    return result


VALID = {
    "alias": "alias/x", "emailAddress": "a@example.org", "email": "a@example.org", "phoneNumber": "+1 212 555 0100",
    "apiAccessPrincipalArn": "arn:aws:iam::123456789012:role/x",
}


def valid(name, shape):
    """A value that keeps every rule of a shape of botocore's model."""
    if shape.type_name == "structure":
        return {member: valid(member, inner) for member, inner in shape.members.items()}
    if shape.type_name == "list":
        return [valid(name, shape.member)]
    if shape.type_name == "map":
        return {valid("key", shape.key): valid("value", shape.value)}
    if shape.type_name == "string":
        return shape.enum[0] if shape.enum else VALID.get(name, "v" * max(1, shape.metadata.get("min", 1)))
    return {"boolean": True}.get(shape.type_name, max(1, int(shape.metadata.get("min", 1))))


def wrong(shape):
    """Values that break one rule each."""
    found = []
    if getattr(shape, "enum", None):
        found.append("NO_SUCH_VALUE")
    if shape.type_name == "string" and "max" in shape.metadata:
        found.append("v" * (shape.metadata["max"] + 1))
    if shape.type_name in ("integer", "long") and "max" in shape.metadata:
        found += [int(shape.metadata["max"]) + 1, int(shape.metadata["min"]) - 1]
    return found


def unchecked(_path):
    """Each bound, enum and required member of botocore's own model is broken, with its checks off."""
    client = boto3.client("finspace-data", config=UNCHECKED)
    tried, slipped = 0, []
    for method, name in client.meta.method_to_api_mapping.items():
        shape = client.meta.service_model.operation_model(name).input_shape
        if not shape:
            continue
        right = valid("", shape)
        broken = [(member, value) for member, inner in shape.members.items() for value in wrong(inner)]
        broken += [(member, None) for member in shape.required_members
                   if shape.members[member].serialization.get("location") != "uri"]
        for member, value in broken:
            params = {**right, member: value}
            if value is None:
                del params[member]
            tried += 1
            try:
                getattr(client, method)(**params)
                slipped.append("%s %s accepted" % (name, member))
            except ClientError as error:
                found = error.response["Error"]
                if found["Code"] != "ValidationException" or member not in found["Message"]:
                    slipped.append("%s %s: %s %s" % (name, member, found["Code"], found["Message"]))
    return {"tried": tried, "slipped": slipped}


if __name__ == "__main__":
    subject, file = sys.argv[1], sys.argv[2]
    subjects = {"flow": flow, "refusals": refusals, "operations": operations, "objects": objects,
                "unchecked": unchecked}
    json.dump(subjects[subject](file), sys.stdout)
