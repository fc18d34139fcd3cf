"""`modal token new` and `modal setup` against the pages, as a browser would use them."""
import html
import http.client
import re
import urllib.parse

import pytest
from conftest import Client, Server


class Browser:
    """A client of pages: cookies, forms, no script."""

    def __init__(self, server):
        self.host = urllib.parse.urlparse(server.ready["http_url"]).netloc
        self.cookies = {}

    def ask(self, method, path, body=None, **headers):
        connection = http.client.HTTPConnection(self.host)
        headers = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items()), **headers}
        if body is not None:
            headers |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": headers.get("Origin", f"http://{self.host}")}
            body = urllib.parse.urlencode(body)
        connection.request(method, path, body, headers)
        reply = connection.getresponse()
        for name, value in reply.getheaders():
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.split(";")[0]
        reply.text = html.unescape(reply.read().decode())
        return reply

    def follow(self, reply):
        while reply.status == 303:
            reply = self.ask("GET", reply.getheader("Location"))
        return reply

    def get(self, path):
        return self.follow(self.ask("GET", path))

    def raw(self, method, path):
        """The page as its bytes say it, nothing unescaped."""
        connection = http.client.HTTPConnection(self.host)
        connection.request(method, path, headers={"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())})
        return connection.getresponse().read().decode()

    def submit(self, page, action, follow=True, **fields):
        """Sends the page's form for `action` with its hidden fields and these; `fields` win."""
        begin = page.text.index(f'action="{action}"')
        form = page.text[begin:page.text.index("</form>", begin)]
        hidden = dict(re.findall(r'<input type="hidden" name="(csrf|once|next)" value="([^"]*)"', form))
        reply = self.ask("POST", action, hidden | fields)
        return self.follow(reply) if follow else reply


@pytest.fixture(scope="module")
def own_server(tmp_path_factory):
    running = Server(tmp_path_factory.mktemp("setup")).start()
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="module")
def owner(own_server):
    browser = Browser(own_server)
    assert "link works once" in own_server.log_text()
    url = urllib.parse.urlparse(own_server.admin("owner-link")["url"])
    page = browser.get(f"{url.path}?{url.query}")
    assert "Make its owner account" in page.text
    refused = browser.submit(page, "/first-owner", name="Eleni", email="eleni@halcyon.example", password="short", workspace="halcyon")
    assert refused.status == 400 and "12 characters" in refused.text and "eleni@halcyon.example" in refused.text and "short" not in refused.text
    page = browser.submit(refused, "/first-owner", name="Eleni", email="eleni@halcyon.example", password="four unrelated words", workspace="halcyon")
    assert page.status == 200 and "Tokens" in page.text
    again = Browser(own_server).get(f"{url.path}?{url.query}")
    assert again.status == 410 and "This link has ended" in again.text
    return browser


def start_setup(client, *words):
    client.env = {k: v for k, v in client.env.items() if not k.startswith("MODAL_TOKEN")} | {"BROWSER": "/bin/true"}
    process = client.popen(*(words or ("token", "new")))
    text = ""
    while not (re.search(r"/token-flow/(tc-\w+)", text) and re.search(r"\b\w{4}-\w{4}\b", text)):
        line = process.stdout.readline()
        assert line, text
        text += line
    return process, re.search(r"/token-flow/(tc-\w+)", text)[1], re.search(r"\b([2-9A-Z]{4}-[2-9A-Z]{4})\b", text)[1]


def test_approved_request_becomes_a_profile(own_server, owner, tmp_path):
    client = Client(own_server, tmp_path).with_settings()
    process, flow, code = start_setup(client)
    visitor = Browser(own_server)
    page = visitor.get(f"/token-flow/{flow}")
    assert "Sign in" in page.text  # and return to the request afterwards
    wrong = visitor.submit(page, "/sign-in", email="eleni@halcyon.example", password="not this one")
    assert wrong.status == 401 and "do not match" in wrong.text
    page = visitor.submit(wrong, "/sign-in", email="eleni@halcyon.example", password="four unrelated words")
    assert "a token for halcyon?" in page.text and code not in page.text
    page = visitor.submit(page, f"/token-flow/{flow}", code="AAAA-AAAA", do="approve")
    assert page.status == 400 and "4 tries are left" in page.text
    page = visitor.submit(page, f"/token-flow/{flow}", code=code.lower().replace("-", " "), do="approve")
    assert "Approved" in page.text
    out = process.communicate(timeout=30)[0]
    assert process.returncode == 0, out
    assert "[halcyon]" in (tmp_path / "none.toml").read_text()
    client.env.pop("MODAL_SERVER_URL")
    assert "Eleni" in client.run("token", "info").stdout
    # Revoked on the page, refused on the next call.
    page = visitor.get("/w/halcyon/tokens")
    token = re.search(r"ak-\w{22}", (tmp_path / "none.toml").read_text())[0]
    assert "Revoked" in visitor.submit(page, f"/w/halcyon/tokens/{token}/revoke").text
    assert "revoked" in client.run("token", "info", check=False).stderr


def test_refused_request_makes_nothing(own_server, owner, tmp_path):
    client = Client(own_server, tmp_path).with_settings()
    process, flow, _ = start_setup(client, "setup")
    page = owner.get(f"/token-flow/{flow}")
    assert "Refused" in owner.submit(page, f"/token-flow/{flow}", do="refuse").text
    process.communicate(timeout=30)
    assert process.returncode != 0 and not (tmp_path / "none.toml").exists()
    assert owner.get(f"/token-flow/{flow}").status == 410


def test_five_wrong_codes_end_the_request(own_server, owner, tmp_path):
    process, flow, _ = start_setup(Client(own_server, tmp_path))
    page = owner.get(f"/token-flow/{flow}")
    for _ in range(5):
        page = owner.submit(page, f"/token-flow/{flow}", code="AAAA-AAAA", do="approve")
    assert page.status == 410 and "This request has ended" in page.text
    process.communicate(timeout=30)
    assert process.returncode != 0


def test_pages_defend_themselves(own_server, owner):
    page = owner.get("/w/halcyon/tokens")
    policy = page.getheader("Content-Security-Policy")
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    assert page.getheader("Cache-Control") == "no-store" and page.getheader("X-Frame-Options") == "DENY"
    # Another site's form, a stale key, another name for us.
    assert owner.ask("POST", "/sign-out", {"csrf": "x"}).status == 403
    key = re.search(r'action="/sign-out"><input type="hidden" name="csrf" value="([^"]*)"', page.text)[1]
    assert owner.ask("POST", "/sign-out", {"csrf": key}, Origin="http://evil.example").status == 403
    assert owner.ask("GET", "/sign-in", Host="evil.example").status == 421
    assert Browser(own_server).ask("GET", "/w/halcyon/tokens").status == 303
    assert owner.get("/w/other/tokens").status == 404
    # `next` takes nobody away from here.
    visitor = Browser(own_server)
    page = visitor.get("/sign-in?next=//evil.example&sig=00")
    reply = visitor.submit(page, "/sign-in", follow=False, email="eleni@halcyon.example", password="four unrelated words")
    assert reply.status == 303 and reply.getheader("Location") == "/"
    style = re.search(r'href="(/static/ionian\.\w+\.css)"', visitor.get("/sign-in").text)[1]
    assert "immutable" in visitor.get(style).getheader("Cache-Control")
