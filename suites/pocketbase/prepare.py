"""Prepares a PocketBase server for the suite: its collections with their rules, and its users.

    POCKETBASE_URL=http://127.0.0.1:8090 ROOT_PASSWORD=... (and so on) prepare.py [VARIANT]

With the name of a variant it then makes one mistake, of the kind that teams make. README.md says which there are;
`prepare.py --list` lists them.
"""

import json
import os
import sys
import urllib.error
import urllib.request

URL = os.environ.get("POCKETBASE_URL", "")

SIGNED_IN = '@request.auth.id != ""'
TEAM = f"{SIGNED_IN} && team = @request.auth.team"
EDITOR = f'{TEAM} && @request.auth.role = "editor"'
SELF = "id = @request.auth.id"


def unset(*fields):
    """What keeps fields out of the body of a request."""
    return "".join(f" && @request.body.{field}:isset = false" for field in fields)


def text(name):
    return {"name": name, "type": "text"}


# The collection of users is there already; it gets these fields and rules.
USERS = {
    "fields": [text("team"), text("role"), text("badge")],
    "listRule": TEAM,
    "viewRule": TEAM,
    "createRule": None,
    "updateRule": SELF + unset("team", "role", "badge"),
    "deleteRule": None,
}


def collection(name, fields, read, create, update, delete):
    """A collection; a rule that is None is one for superusers only."""
    fields = [{"name": "title", "type": "text", "required": True}] + [text(field) for field in fields]
    rules = dict(listRule=read, viewRule=read, createRule=create, updateRule=update, deleteRule=delete)
    return {"name": name, "type": "base", "fields": fields, **rules}


OWN = "author = @request.auth.id"
COLLECTIONS = [
    collection("articles", ["author"], "", f'{OWN} && @request.auth.role = "editor"', OWN, OWN),
    collection("reports", ["author", "team"], TEAM, f"{EDITOR} && {OWN}", EDITOR + unset("team", "author"), OWN),
    collection("notes", ["author"], OWN, OWN, OWN, OWN),
    collection("payslips", [], None, None, None, None),
]

PEOPLE = {
    "writer": ("red", "editor"),
    "deputy": ("red", "editor"),
    "viewer": ("red", "viewer"),
    "outsider": ("blue", "editor"),
}

# A collection, and the rules that are wrong in it.
VARIANTS = {
    "public-notes": ("notes", {"listRule": "", "viewRule": ""}),
    "signed-in-is-enough": ("reports", {"viewRule": SIGNED_IN}),
    "badge-in-body": ("users", {"updateRule": SELF + unset("team", "role")}),
    "team-in-body": ("reports", {"updateRule": EDITOR}),
    "open-registration": ("users", {"createRule": ""}),
    "owner-locked-out": ("notes", {"deleteRule": None}),
}


def call(method, path, body=None, token=""):
    """One call; anything but a 2xx ends the program."""
    headers = {"Content-Type": "application/json", "Authorization": token}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(URL + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        sys.exit(f"{method} {path}: {error}: {error.read().decode()}")


def main(variants):
    login = {"identity": "root@press.test", "password": os.environ["ROOT_PASSWORD"]}
    token = call("POST", "/api/collections/_superusers/auth-with-password", login)["token"]
    fields = call("GET", "/api/collections/users", token=token)["fields"]
    call("PATCH", "/api/collections/users", {**USERS, "fields": fields + USERS["fields"]}, token)
    for wanted in COLLECTIONS:
        call("POST", "/api/collections", wanted, token)
    for name, (team, role) in PEOPLE.items():
        password = os.environ[f"{name.upper()}_PASSWORD"]
        secret = {"password": password, "passwordConfirm": password}
        user = {"email": f"{name}@press.test", "team": team, "role": role, **secret}
        call("POST", "/api/collections/users/records", user, token)
    for variant in variants:
        name, rules = VARIANTS[variant]
        call("PATCH", f"/api/collections/{name}", rules, token)


if __name__ == "__main__":
    if sys.argv[1:] == ["--list"]:
        print(*VARIANTS, sep="\n")
    else:
        main(sys.argv[1:])
