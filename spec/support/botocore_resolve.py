"""Says what botocore finds in each environment of a list.

Reads a JSON list of {"keys": environment, "place": environment} from the file named first, and writes a list of
{"keys": [id, secret, token] | null, "keys_error": name, "region":, "endpoint":, "place_error": name} to standard output.
"""
import json
import os
import sys

import botocore.loaders
import botocore.session

LOADER = botocore.loaders.create_loader()


def session_in(environment):
    os.environ.clear()
    os.environ.update(environment)
    session = botocore.session.Session()
    session.register_component("data_loader", LOADER)
    return session


def keys_in(environment):
    credentials = session_in(environment).get_credentials()
    if credentials is None:
        return None
    frozen = credentials.get_frozen_credentials()
    return [frozen.access_key, frozen.secret_key, frozen.token or ""]


def place_in(environment):
    session = session_in(environment)
    client = session.create_client("finspace-data", aws_access_key_id="a", aws_secret_access_key="b")
    operation = client.meta.service_model.operation_model("ListDatasets")
    # What a call would use: the rules, and not the older table that meta.endpoint_url is from.
    url = client._resolve_endpoint_ruleset(operation, {}, {"client_config": client.meta.config})[0]
    return client.meta.region_name, url


def answer(case):
    found = {}
    try:
        found["keys"] = keys_in(case["keys"])
    except Exception as error:
        found["keys_error"] = type(error).__name__
    try:
        found["region"], found["endpoint"] = place_in(case["place"])
    except Exception as error:
        found["place_error"] = type(error).__name__
    return found


with open(sys.argv[1]) as file:
    cases = json.load(file)
json.dump([answer(case) for case in cases], sys.stdout)
