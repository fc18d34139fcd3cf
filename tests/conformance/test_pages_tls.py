"""The pages under TLS: what their cookies and headers say then."""
import http.client
import re
import ssl
import subprocess
import urllib.parse

from conftest import Server


def test_under_tls_cookies_stay_with_the_host(tmp_path):
    pair = [tmp_path / "key.pem", tmp_path / "cert.pem"]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-keyout", pair[0], "-out", pair[1]], check=True, capture_output=True)
    server = Server(tmp_path).start("--tls-key", str(pair[0]), "--tls-cert", str(pair[1]))
    try:
        host = urllib.parse.urlparse(server.ready["http_url"]).netloc
        trusting = ssl.create_default_context(cafile=pair[1])
        trusting.check_hostname = False
        connection = http.client.HTTPSConnection(host, context=trusting)
        connection.request("GET", "/sign-in")
        reply = connection.getresponse()
        page, cookie = reply.read().decode(), reply.getheader("Set-Cookie")
        assert reply.getheader("Strict-Transport-Security") == "max-age=31536000"
        assert cookie.startswith("__Host-ionian=") and cookie.endswith("; HttpOnly; SameSite=Lax; Path=/; Secure")
        body = urllib.parse.urlencode({"csrf": re.search(r'name="csrf" value="([^"]*)"', page)[1], "email": "a@b.example", "password": "x"})
        for origin, status in [(f"http://{host}", 403), (f"https://{host}", 401)]:
            connection.request("POST", "/sign-in", body, {"Cookie": cookie.split(";")[0], "Origin": origin})
            reply = connection.getresponse()
            reply.read()
            assert reply.status == status, origin
    finally:
        assert server.stop() == 0
