"""Prepares a Kinto server for the suite: what its operators would have set up before anybody uses it.

    KINTO_URL=http://127.0.0.1:8888 ADMIN_PASSWORD=... (and so on) prepare.py [VARIANT]

With the name of a variant it then makes one mistake, of the kind that operators make. README.md says which there are;
`prepare.py --list` lists them.
"""

import base64
import json
import os
import sys
import urllib.error
import urllib.request

URL = os.environ.get("KINTO_URL", "")
ARTICLES = "/v1/buckets/press/collections/articles"
EDITORS = "/v1/buckets/press/groups/editors"


def call(user, method, path, body=None):
    """One call with basic authentication; anything but a 2xx ends the program."""
    password = os.environ[f"{user.upper()}_PASSWORD"]
    credential = base64.b64encode(f"{user}:{password}".encode()).decode()
    headers = {"Authorization": f"Basic {credential}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(URL + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        sys.exit(f"{method} {path}: {error}: {error.read().decode()}")


def user_id(user):
    """The id under which Kinto knows a user."""
    return call(user, "GET", "/v1/")["user"]["id"]


def setup():
    """The bucket `press`, its groups, and the collection `articles`."""
    author, editor, reader = (user_id(user) for user in ("author", "editor", "reader"))
    call("admin", "PUT", "/v1/buckets/press", {"permissions": {"collection:create": [author]}})
    call("admin", "PUT", EDITORS, {"data": {"members": [editor]}})
    call("admin", "PUT", "/v1/buckets/press/groups/readers", {"data": {"members": [reader]}})
    permissions = {
        "write": ["/buckets/press/groups/editors"],
        "read": ["/buckets/press/groups/readers"],
        "record:create": [author],
    }
    call("admin", "PUT", ARTICLES, {"permissions": permissions})


def public_collection():
    permissions = {"read": ["/buckets/press/groups/readers", "system.Everyone"]}
    call("admin", "PATCH", ARTICLES, {"permissions": permissions})


def member_too_many():
    members = [user_id("editor"), user_id("reader")]
    call("admin", "PATCH", EDITORS, {"data": {"members": members}})


def members_lost():
    call("admin", "PATCH", EDITORS, {"data": {"members": []}})


def author_locked_out():
    call("admin", "PATCH", ARTICLES, {"permissions": {"record:create": []}})


def groups_for_members():
    groups = ["/buckets/press/groups/editors", "/buckets/press/groups/readers"]
    call("admin", "PATCH", "/v1/buckets/press", {"permissions": {"group:create": groups}})


VARIANTS = {
    "public-collection": public_collection,
    "member-too-many": member_too_many,
    "members-lost": members_lost,
    "author-locked-out": author_locked_out,
    "groups-for-members": groups_for_members,
}

if __name__ == "__main__":
    if sys.argv[1:] == ["--list"]:
        print(*VARIANTS, sep="\n")
        sys.exit()
    setup()
    for variant in sys.argv[1:]:
        VARIANTS[variant]()
