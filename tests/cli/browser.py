"""A client of the server's pages: cookies and forms, no script."""
import html
import http.client
import re
import urllib.parse


class Browser:
    def __init__(self, url):
        self.host, self.cookies = urllib.parse.urlparse(url).netloc, {}

    def ask(self, method, path, form=None):
        headers = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())}
        if form is not None:
            headers |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"http://{self.host}"}
        connection = http.client.HTTPConnection(self.host)
        connection.request(method, path, urllib.parse.urlencode(form or {}), headers)
        reply = connection.getresponse()
        for name, value in reply.getheaders():
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.split(";")[0]
        text = html.unescape(reply.read().decode())
        return self.ask("GET", reply.getheader("Location")) if reply.status == 303 else text

    def get(self, url):
        parts = urllib.parse.urlparse(url)
        return self.ask("GET", f"{parts.path}?{parts.query}" if parts.query else parts.path)

    def submit(self, page, action, **fields):
        hidden = page[page.index(f'action="{action}"'):]
        return self.ask("POST", action, {"csrf": re.search(r'name="csrf" value="([^"]*)"', hidden)[1], **fields})
