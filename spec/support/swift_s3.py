"""OpenStack Swift with its s3api, whole in one process, for `strict_servers.lua`.

    swift_s3.py FOLDER PORT ACCESS_KEY SECRET_KEY

A proxy listens on PORT of loopback, its three storage servers on ports that the system gives, and one copy of
everything lies below FOLDER. The file system must have extended attributes. It prints "ready" when it answers.
"""

import array
import os
import sys

import eventlet

eventlet.monkey_patch()

from eventlet import wsgi
from swift.common import utils

folder, port, access_key, secret_key = sys.argv[1:]
account, user = access_key.split(":")


def path_of(name):
    return os.path.join(folder, name)


def write(name, text):
    with open(path_of(name), "w") as file:
        file.write(text)
    return path_of(name)


utils.SWIFT_CONF_FILE = write("swift.conf", """
[swift-hash]
swift_hash_path_suffix = any

[storage-policy:0]
name = single
default = yes
""")

# These read the file above when they are imported.
from swift.common.ring import RingData
from swift.common.wsgi import loadapp

# A busy machine may take long over anything. Where the servers lose patience with each other, objects are
# missing in lists until a daemon that does not run here has come by.
DEFAULT = f"""
[DEFAULT]
swift_dir = {folder}
devices = {folder}
mount_check = false
disable_fallocate = true
conn_timeout = 60
node_timeout = 60
container_update_timeout = 60
"""

STORAGE = DEFAULT + """
[pipeline:main]
pipeline = server

[app:server]
use = egg:swift#{kind}
"""

# Pages are short, so that a few objects and parts fill several.
PROXY = DEFAULT + f"""
[pipeline:main]
pipeline = catch_errors gatekeeper listing_formats bulk s3api tempauth slo dlo versioned_writes symlink proxy-server

[app:proxy-server]
use = egg:swift#proxy
allow_account_management = true
account_autocreate = true

[filter:s3api]
use = egg:swift#s3api
max_bucket_listing = 5
max_parts_listing = 2

[filter:tempauth]
use = egg:swift#tempauth
user_{account}_{user} = {secret_key} .admin
"""

for plain in "catch_errors", "gatekeeper", "listing_formats", "bulk", "slo", "dlo", "versioned_writes", "symlink":
    PROXY += f"\n[filter:{plain}]\nuse = egg:swift#{plain}\n"


class Forgetful:
    """In place of memcached, which the proxy asks for and does not need."""

    def get(self, *arguments, **options):
        return None

    set = delete = incr = get


def with_cache(app):
    def answer(environment, start_response):
        environment["swift.cache"] = Forgetful()
        return app(environment, start_response)
    return answer


class Nowhere:
    def write(self, text):
        pass


def serve(listener, app):
    eventlet.spawn_n(wsgi.server, listener, app, log=Nowhere())


def storage_server(kind):
    listener = eventlet.listen(("127.0.0.1", 0))
    place = {"id": 0, "region": 1, "zone": 1, "weight": 1, "device": "device"}
    place["ip"] = place["replication_ip"] = "127.0.0.1"
    place["port"] = place["replication_port"] = listener.getsockname()[1]
    RingData([array.array("H", [0])], [place], 32).save(path_of(kind + ".ring.gz"))  # one partition
    serve(listener, loadapp(write(kind + ".conf", STORAGE.format(kind=kind))))


os.makedirs(path_of("device"))
for kind in "account", "container", "object":
    storage_server(kind)
serve(eventlet.listen(("127.0.0.1", int(port))), with_cache(loadapp(write("proxy.conf", PROXY))))
print("ready", flush=True)
while True:
    eventlet.sleep(60)
