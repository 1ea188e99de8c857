"""A small service over the database of this folder: what it shows, it asks the database for, as whoever is asking.

    DATABASE_URL=postgres://press_service@127.0.0.1:5432/press python3 service.py --port 8900

The passwords of its people come from its environment: ADA_PASSWORD and so on. `--mistake NAME` makes one mistake that is
easily made; which they are, and what finds them, stands in README.md.

It keeps one connection, so that whatever a request leaves behind meets the next one.
"""

import argparse
import hmac
import json
import os
import secrets
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pg8000.native

PEOPLE = ["root", "ada", "vera", "vic", "una", "oscar"]
MISTAKES = ["header-over-token", "context-left", "as-the-owner", "authors-only", "removing-elsewhere", "list-of-all"]
# Those that need a connection as somebody who may do everything.
TRUSTING = ["as-the-owner", "removing-elsewhere", "list-of-all"]

# SQLSTATEs (PostgreSQL's documentation, appendix A).
INSUFFICIENT_PRIVILEGE = "42501"
UNIQUE_VIOLATION = "23505"


class Refused(Exception):
    """An answer other than success."""

    def __init__(self, status, why):
        super().__init__(why)
        self.status = status


class Database:
    """One connection, for one request at a time."""

    def __init__(self, url, mistake):
        parts = urllib.parse.urlsplit(url)
        self.mistake = mistake
        self.lock = threading.Lock()
        self.connection = pg8000.native.Connection(
            parts.username,
            host=parts.hostname,
            port=parts.port,
            password=urllib.parse.unquote(parts.password or ""),
            database=parts.path.lstrip("/"),
        )

    def run(self, user, tenant, sql, /, **values):
        """Runs a statement as somebody. What is set for it ends with its transaction."""
        with self.lock:
            run = self.connection.run
            run("BEGIN")
            try:
                run("SET LOCAL ROLE press_app")
                self.tell(user, tenant)
                rows = run(sql, **values)
                columns = [column["name"] for column in self.connection.columns or []]
                run("COMMIT")
                return [dict(zip(columns, row)) for row in rows or []]
            except pg8000.native.DatabaseError as error:
                run("ROLLBACK")
                raise refused(error) from error

    def removed(self, post):
        """Removes a post as whoever has logged in, which row security does not hold for a superuser."""
        with self.lock:
            return self.connection.run("DELETE FROM press.posts WHERE id = :post RETURNING id", post=post)

    def everything(self):
        """All posts, as whoever has logged in."""
        with self.lock:
            rows = self.connection.run("SELECT id, tenant_id, author_id, slug, title FROM press.posts ORDER BY id")
            columns = [column["name"] for column in self.connection.columns]
            return [dict(zip(columns, row)) for row in rows]

    def tell(self, user, tenant):
        """Tells the database who asks."""
        until_the_end = self.mistake != "context-left"
        for name, value in ("app.user_id", user), ("app.tenant_id", tenant):
            # The mistake: what is set for the session stays on the connection, and nobody is told as nobody.
            if until_the_end or value is not None:
                self.connection.run(
                    "SELECT set_config(:name, :value, :local)",
                    name=name,
                    value=value or "",
                    local=until_the_end,
                )


def refused(error):
    details = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    code = details.get("C")
    if code == INSUFFICIENT_PRIVILEGE:
        return Refused(403, "not allowed")
    if code == UNIQUE_VIOLATION:
        return Refused(409, "this slug is taken")
    return Refused(500, "the database failed")


class Service(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address, database, mistake):
        super().__init__(address, Handler)
        self.database = database
        self.mistake = mistake
        self.sessions = {}
        self.trusted = Database(os.environ["WITNESS_URL"], mistake) if mistake in TRUSTING else None

    def log_in(self, name, password):
        expected = os.environ.get(f"{name.upper()}_PASSWORD", "") if name in PEOPLE else ""
        is_right = hmac.compare_digest(password.encode(), expected.encode())
        if not expected or not is_right:
            raise Refused(401, "no such name and password")
        token = secrets.token_urlsafe(32)
        self.sessions[token] = name
        return token

    def tenants_of(self, user):
        rows = self.database.run(user, None, "SELECT DISTINCT tenant_id FROM press.user_roles ORDER BY tenant_id")
        return [row["tenant_id"] for row in rows]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # An answer goes out in two pieces, and the second is not to wait for the first to be acknowledged.
    disable_nagle_algorithm = True

    def do_GET(self):
        self.respond(self.get)

    def do_POST(self):
        self.respond(self.post)

    def do_PATCH(self):
        self.respond(self.patch)

    def do_DELETE(self):
        self.respond(self.delete)

    def log_message(self, *_):
        pass

    def respond(self, handle):
        try:
            length = int(self.headers.get("content-length") or 0)
            if length > 1_000_000:
                raise Refused(413, "too much")
            body = self.rfile.read(length)
            status, answer = handle(self.path.split("?")[0].strip("/").split("/"), body)
        except Refused as refusal:
            status, answer = refusal.status, {"error": str(refusal)}
        text = b"" if answer is None else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    # --- who asks, and where ------------------------------------------------------------------

    def user(self):
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        user = self.server.sessions.get(token) if scheme.lower() == "bearer" else None
        if user is None and self.server.mistake != "context-left":
            raise Refused(401, "no session")
        return user

    def tenant(self, user):
        """The tenant that a request is for: named, and one where the user has a role."""
        tenant = self.headers.get("x-tenant")
        if self.server.mistake == "context-left" and user is None:
            return None
        if not tenant:
            raise Refused(400, "say with X-Tenant which tenant this is for")
        # The mistake: the header is believed, whatever the session may say.
        if self.server.mistake != "header-over-token" and tenant not in self.server.tenants_of(user):
            raise Refused(403, "not a member of this tenant")
        return tenant

    def run(self, sql, /, **values):
        user = self.user()
        return self.server.database.run(user, self.tenant(user), sql, **values)

    # --- what is asked ------------------------------------------------------------------------

    def get(self, path, _):
        match path:
            case [""]:
                return 200, {"service": "press"}
            case ["me"]:
                return 200, {"id": self.user()}
            case ["posts"]:
                posts = self.run("SELECT id, tenant_id, author_id, slug, title FROM press.posts ORDER BY id")
                total = self.run("SELECT press.count_posts() AS total")[0]["total"]
                if self.server.mistake == "list-of-all":
                    # The mistake: the list is made for a page that admins of the system see.
                    posts = self.server.trusted.everything()
                return 200, {"items": posts, "total": total}
            case ["posts", post]:
                return 200, self.post_of(post)
        raise Refused(404, "not here")

    def post(self, path, body):
        match path:
            case ["login"]:
                given = read(body, "name", "password")
                return 200, {"token": self.server.log_in(**given)}
            case ["posts"]:
                given = read(body, "slug", "title")
                sql = (
                    "INSERT INTO press.posts (tenant_id, author_id, slug, title)"
                    " VALUES (press.my_tenant(), press.me(), :slug, :title) RETURNING id"
                )
                rows = self.run(sql, **given)
                return 201, rows[0]
        raise Refused(404, "not here")

    def patch(self, path, body):
        match path:
            case ["posts", post]:
                # The mistake: admins may change it too, and are refused before the database is asked.
                if self.post_of(post)["author_id"] != self.user() and self.server.mistake == "authors-only":
                    raise Refused(403, "not allowed")
                given = read(body, "title")
                sql = "UPDATE press.posts SET title = :title WHERE id = :post RETURNING id"
                return self.changed(self.run(sql, post=post, **given))
        raise Refused(404, "not here")

    def delete(self, path, _):
        match path:
            case ["posts", post]:
                self.post_of(post)
                if self.server.mistake == "as-the-owner":
                    # The mistake: whoever may see it is trusted, and nothing holds who does it.
                    return self.changed(self.server.trusted.removed(post))
                # Asked before the database is: it has the last word all the same.
                if not self.run("SELECT press.may(press.my_tenant(), 'post', 'delete') AS may")[0]["may"]:
                    raise Refused(403, "not allowed")
                if self.server.mistake == "removing-elsewhere":
                    # Rightly asked, and then done as somebody else than the database would let do it.
                    return self.changed(self.server.trusted.removed(post))
                return self.changed(self.run("DELETE FROM press.posts WHERE id = :post RETURNING id", post=post))
        raise Refused(404, "not here")

    def post_of(self, post):
        rows = self.run("SELECT id, tenant_id, author_id, slug, title FROM press.posts WHERE id = :post", post=post)
        if not rows:
            raise Refused(404, "not here")
        return rows[0]

    def changed(self, rows):
        if not rows:
            raise Refused(403, "not allowed")
        return 204, None


def read(body, *names):
    """The named texts of a JSON object."""
    try:
        given = json.loads(body)
    except ValueError as error:
        raise Refused(400, "not JSON") from error
    if not isinstance(given, dict) or not all(isinstance(given.get(name), str) for name in names):
        raise Refused(400, f"expected texts: {', '.join(names)}")
    return {name: given[name] for name in names}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--port", type=int, default=8900)
    parser.add_argument("--mistake", choices=MISTAKES)
    arguments = parser.parse_args()
    database = Database(os.environ["DATABASE_URL"], arguments.mistake)
    service = Service(("127.0.0.1", arguments.port), database, arguments.mistake)
    print(f"listening on http://127.0.0.1:{service.server_port}", flush=True)
    service.serve_forever()


if __name__ == "__main__":
    main()
