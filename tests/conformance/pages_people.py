"""A server with people in it, for tests of the pages: an owner, a manager, a member, and a stranger of another workspace."""
import re
import sqlite3
import urllib.parse

from conftest import Server
from test_setup import Browser

PASSWORD = "four unrelated words"


def email_of(name):
    return f"{name}@halcyon.example"


def key_page(browser, url):
    """Opens a one-time link as it was printed."""
    parts = urllib.parse.urlparse(url)
    return browser.get(f"{parts.path}?{parts.query}")


def link_on(page):
    return re.search(r'<code class="all" id="link">([^<]+)</code>', page.text)[1]


def make_owner(server):
    browser = Browser(server)
    page = key_page(browser, server.admin("owner-link")["url"])
    browser.submit(page, "/first-owner", name="Eleni Pappas", email=email_of("eleni"), password=PASSWORD, workspace="halcyon")
    return browser


def invite(owner, name, role, workspace="halcyon"):
    page = owner.get(f"/w/{workspace}/members")
    return link_on(owner.submit(page, f"/w/{workspace}/members/invite", email=email_of(name), role=role))


def join(server, url, name):
    browser = Browser(server)
    page = browser.submit(key_page(browser, url), "/invite", name=name.capitalize(), email=email_of(name), password=PASSWORD)
    assert page.status == 200, page.text
    return browser


def sign_in(server, name, password=PASSWORD):
    browser = Browser(server)
    page = browser.submit(browser.get("/sign-in"), "/sign-in", email=email_of(name), password=password)
    assert page.status == 200, page.text
    return browser


def move_to_another_workspace(data, email):
    """While the server is down: a second workspace, and somebody who is in that one only."""
    db = sqlite3.connect(data / "ionian.db")
    with db:
        user, now = db.execute("SELECT id, created_at FROM users WHERE email = ?", [email]).fetchone()
        db.execute("INSERT INTO workspaces (id, name, created_at) VALUES ('ac-tidewatch', 'tidewatch', ?)", [now])
        db.execute("INSERT INTO environments (id, workspace, name, web_suffix, is_default, created_at)"
                   " VALUES ('en-tidewatch', 'ac-tidewatch', 'main', '', 1, ?)", [now])
        db.execute("UPDATE members SET workspace = 'ac-tidewatch', role = 'owner' WHERE user = ?", [user])
    db.close()


class People:
    """jonas is manager, mira and tomas are members of halcyon; aiko owns tidewatch."""

    def __init__(self, folder):
        self.server = Server(folder).start()
        owner = make_owner(self.server)
        for name, role in [("jonas", "manager"), ("mira", "member"), ("tomas", "member"), ("aiko", "member")]:
            join(self.server, invite(owner, name, role), name)
        assert self.server.stop() == 0
        move_to_another_workspace(self.server.folder / "data", email_of("aiko"))
        self.server.start()
        self.owner, self.manager, self.member, self.other, self.stranger = (
            sign_in(self.server, name) for name in ["eleni", "jonas", "mira", "tomas", "aiko"])
        self.nobody = Browser(self.server)
        self.ids = dict(re.findall(r'(us-\w+)/role" aria-label="Change (\w+)', self.owner.get("/w/halcyon/members").text))
        self.ids = {name.lower(): user for user, name in self.ids.items()}
