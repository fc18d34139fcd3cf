"""The pages, without script: who may open and do what, what is said, and what a stranger learns (nothing)."""
import re
import sqlite3

import pytest
from conftest import Client
from pages_people import PASSWORD, People, email_of, invite, join, key_page, link_on, sign_in
from test_setup import Browser

W = "/w/halcyon"
MIRAS = "four other words"  # once she has changed it


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    everybody = People(tmp_path_factory.mktemp("pages"))
    yield everybody
    assert everybody.server.stop() == 0, everybody.server.log_text()[-3000:]


def secret_on(page):
    found = re.search(r'id="tid">([^<]+)<.*?id="tse">([^<]+)<', page.text, re.S)
    return found[1], found[2]


def new_token(browser, name, **fields):
    page = browser.get(f"{W}/tokens/new")
    return browser.submit(page, f"{W}/tokens", name=name, **{"role": "", "scope": "all", "expires": "30", **fields})


def alive(people, tmp_path, pair, name="none.toml"):
    client = Client(people.server, tmp_path)
    client.env |= {"MODAL_TOKEN_ID": pair[0], "MODAL_TOKEN_SECRET": pair[1]}
    return client.run("token", "info", check=False).returncode == 0


# Who may open what: o, m, mb = owner, manager, member of halcyon; 200 or 403.
EVERYBODY = ["/tokens", "/tokens?of=ended", "/tokens/new", "/members", "/service-users", "/environments", "/environments/main",
             "/proxy-tokens", "/audit-log"]
MANAGERS = ["/tokens?of=all", "/service-users/new", "/proxy-tokens/new", "/members/{jonas}/role", "/members/{jonas}/remove",
            "/environments/main/restrict"]


@pytest.mark.parametrize("path", EVERYBODY + MANAGERS)
def test_pages_are_open_to_those_who_may_and_to_nobody_else(people, path):
    path = W + path.format(**people.ids)
    for browser in (people.owner, people.manager):
        assert browser.get(path).status == 200
    member = people.member.get(path)
    if path.removeprefix(W) in EVERYBODY:
        assert member.status == 200
    else:
        assert member.status == 403 and "You may not" in member.text and "Eleni Pappas" in member.text
    assert people.stranger.get(path).status == 404
    reply = people.nobody.ask("GET", path)
    assert reply.status == 303 and reply.getheader("Location").startswith("/sign-in?next=")


def test_foreign_looks_like_missing(people):
    token = secret_on(new_token(people.owner, "seen by its owner"))[0]
    pairs = [(f"{W}/tokens", "/w/nowhere/tokens"), (f"{W}/environments/main", "/w/nowhere/environments/nothing")]
    for foreign, missing in pairs:
        assert people.stranger.get(foreign).text == people.stranger.get(missing).text
    theirs = people.member.get(f"{W}/tokens/{token}")
    assert theirs.status == 404 and theirs.text == people.member.get(f"{W}/tokens/ak-{'0' * 22}").text
    mine = people.stranger.get(f"/w/tidewatch/tokens/{token}")
    assert mine.status == 404 and mine.text == people.stranger.get(f"/w/tidewatch/tokens/ak-{'0' * 22}").text
    assert "There is no token here, or you may not see it." in mine.text
    # A restricted environment does not exist for others, in lists and by name.
    people.owner.submit(people.owner.get(f"{W}/environments"), f"{W}/environments", name="research", kind="restricted")
    assert people.owner.get(f"{W}/environments/research").status == 200
    assert "research" not in people.member.get(f"{W}/environments").text
    hidden = people.member.get(f"{W}/environments/research")
    assert hidden.status == 404 and hidden.text == people.member.get(f"{W}/environments/nothing").text


def test_forms_of_others_and_old_forms_are_refused(people):
    action = f"{W}/tokens"
    page = people.member.get(f"{W}/tokens/new")
    key = re.search(r'name="csrf" value="([^"]*)"', page.text[page.text.index(f'action="{action}"'):])[1]
    body = {"csrf": key, "once": "0", "name": "kept by the page", "role": "", "scope": "all", "expires": "30"}
    foreign = people.member.ask("POST", action, body, Origin="http://evil.example")
    assert foreign.status == 403 and "kept by the page" not in foreign.text and "Send it again" not in foreign.text
    assert people.member.ask("POST", action, body, Origin="null").status == 403
    assert people.member.ask("POST", action, body, Host="evil.example").status == 421
    # The key of one form opens no other, and that of one person nobody else's.
    assert people.member.ask("POST", "/account/sessions/end", {"csrf": key}).status == 403
    assert people.other.ask("POST", action, body).status == 403
    # What was typed is kept, and can be sent.
    old = people.member.ask("POST", action, {**body, "csrf": "x"})
    assert old.status == 403 and "This form was open too long." in old.text and "kept by the page" in old.text
    made = people.member.submit(old, action, name="kept by the page", role="", scope="all", expires="30")
    assert "kept by the page is ready." in made.text
    # Never a password.
    account = people.member.ask("POST", "/account/password", {"csrf": "x", "current-password": PASSWORD, "password": "x" * 12})
    assert account.status == 403 and PASSWORD not in account.text and 'type="password"' in account.text


def test_a_token_from_its_making_to_its_end(people, tmp_path):
    page = people.member.get(f"{W}/tokens/new")
    assert 'value="member"' not in page.text  # no more than one has
    made = new_token(people.member, "deploy", role="viewer")
    pair = secret_on(made)
    assert "deploy is ready." in made.text and "Copy the secret now." in made.text and "Acts as viewer in all environments" in made.text
    assert alive(people, tmp_path, pair)
    # Reloading the answer makes no second one.
    once = re.search(r'name="once" value="([^"]*)"', page.text)[1]
    first = people.member.submit(page, f"{W}/tokens", once=once, name="twice", role="", scope="all", expires="30")
    again = people.member.submit(page, f"{W}/tokens", once=once, name="twice", role="", scope="all", expires="30")
    assert secret_on(first) and "The secret was shown once already." in again.text and "as-" not in again.text
    # The name is taken; the form keeps what was typed.
    refused = new_token(people.member, "deploy", expires="365")
    assert refused.status == 409 and "You already have a token named deploy. Rotate that one, or choose another name." in refused.text
    assert 'value="deploy"' in refused.text and '<option value="365" selected>' in refused.text
    at = f"{W}/tokens/{pair[0]}"
    own = people.member.get(at)
    assert "Made token" in own.text and "History" in own.text and people.manager.get(at).status == 200
    assert "is named <b>deploy 2</b> now" in people.member.submit(own, f"{at}/rename", name="deploy 2").text
    assert "is disabled" in people.member.submit(people.member.get(at), f"{at}/disable").text
    assert not alive(people, tmp_path, pair)
    assert "is enabled" in people.member.submit(people.member.get(at), f"{at}/enable").text
    assert alive(people, tmp_path, pair)
    # Rotated with an overlap both secrets hold; without, only the new one.
    rotated = secret_on(people.member.submit(people.member.get(f"{at}/rotate"), f"{at}/rotate", overlap="1"))
    assert rotated[0] == pair[0] and rotated[1] != pair[1]
    assert alive(people, tmp_path, pair) and alive(people, tmp_path, rotated)
    assert "rotating" in people.member.get(f"{W}/tokens").text
    last = secret_on(people.member.submit(people.member.get(f"{at}/rotate"), f"{at}/rotate", overlap="0"))
    assert not alive(people, tmp_path, rotated) and alive(people, tmp_path, last)
    # Asked first, then done, said, and over.
    question = people.member.get(f"{at}/revoke")
    assert "Revoke deploy 2?" in question.text and "are refused from the next one on" in question.text
    said = people.member.submit(question, f"{at}/revoke")
    assert "Revoked <b>deploy 2</b>" in said.text and "Revoked <b>deploy 2</b>" not in people.member.get(f"{W}/tokens").text
    assert not alive(people, tmp_path, last)
    over = people.member.get(at)
    assert over.status == 200 and "revoked" in over.text and "by Mira" in over.text and "/rotate" not in over.text
    assert "deploy 2" in people.member.get(f"{W}/tokens?of=ended").text


def test_a_manager_ends_the_token_of_another_and_a_member_does_not(people, tmp_path):
    pair = secret_on(new_token(people.member, "not for others"))
    at = f"{W}/tokens/{pair[0]}/revoke"
    assert people.other.get(at).status == 404 and alive(people, tmp_path, pair)
    assert "Revoked <b>not for others</b>" in people.manager.submit(people.manager.get(at), at).text
    assert not alive(people, tmp_path, pair)


def test_a_scoped_token_names_what_one_may_see(people):
    environments = re.findall(r'name="env\.(en-\w+)"', people.member.get(f"{W}/tokens/new").text)
    refused = new_token(people.member, "nowhere", scope="some")
    assert refused.status == 400 and "choose at least one environment" in refused.text
    made = new_token(people.member, "one place", scope="some", **{f"env.{environments[0]}": "on"})
    assert "one place is ready." in made.text
    foreign = new_token(people.member, "elsewhere", scope="some", **{"env.en-tidewatch": "on"})
    assert foreign.status == 400 and "not there any more" in foreign.text


def test_invitations_work_once_and_not_after_they_are_withdrawn(people):
    url = invite(people.manager, "lena", "member")
    page = people.owner.get(f"{W}/members")
    assert "lena@halcyon.example" in page.text and "1 open invitation" in page.text
    # Looking does not use it up, and the key leaves the address.
    visitor = Browser(people.server)
    first = visitor.ask("GET", url.split(people.server.ready["http_url"])[1])
    assert first.status == 303 and first.getheader("Location") == "/invite" and "Referrer-Policy" in dict(first.getheaders())
    assert "Jonas invites lena@halcyon.example as member" in visitor.get("/invite").text
    short = visitor.submit(visitor.get("/invite"), "/invite", name="Lena", email=email_of("lena"), password="short")
    assert short.status == 400 and "Choose 12 characters or more." in short.text and 'value="Lena"' in short.text
    joined = visitor.submit(short, "/invite", name="Lena", email=email_of("lena"), password=PASSWORD)
    assert "You are member of <b>halcyon</b> now." in joined.text
    again = key_page(Browser(people.server), url)
    assert again.status == 410 and "It works once and for 7 days. Ask Jonas for a new one." in again.text
    # Withdrawn, and replaced by a new link.
    url = invite(people.manager, "noor", "member")
    at = re.search(r'action="([^"]*invitations/[^"]*/renew)"', people.manager.get(f"{W}/members").text)[1]
    newer = link_on(people.manager.submit(people.manager.get(f"{W}/members"), at))
    assert key_page(Browser(people.server), url).status == 410 and key_page(Browser(people.server), newer).status == 200
    page = people.manager.get(f"{W}/members")
    at = re.search(r'action="([^"]*invitations/[^"]*/withdraw)"', page.text)[1]
    assert "is withdrawn" in people.manager.submit(page, at).text
    assert key_page(Browser(people.server), newer).status == 410
    # Nobody gives more than they have.
    page = people.manager.get(f"{W}/members")
    assert people.manager.submit(page, f"{W}/members/invite", email="x@y.example", role="owner").status == 403
    page = people.manager.get(f"{W}/members")
    assert people.manager.submit(page, f"{W}/members/invite", email=email_of("mira"), role="member").status == 400


def test_somebody_with_an_account_just_accepts(people):
    page = people.stranger.get("/w/tidewatch/members")
    url = link_on(people.stranger.submit(page, "/w/tidewatch/members/invite", email=email_of("tomas"), role="manager"))
    page = key_page(people.other, url)
    assert "You are signed in as <b>tomas@halcyon.example</b>" in page.text
    said = people.other.submit(page, "/invite")
    assert "You are manager of <b>tidewatch</b> now." in said.text
    switch = people.other.get(f"{W}/tokens")
    assert 'href="/w/tidewatch/tokens"' in switch.text and switch.status == 200
    assert people.other.get("/").status == 200
    # Their password opens tidewatch too, so halcyon's owner makes no link for it.
    at = f"{W}/members/{people.ids['tomas']}"
    refused = people.owner.submit(people.owner.get(f"{at}/role"), f"{at}/password")
    assert refused.status == 409 and "is in other workspaces too" in refused.text


def test_a_password_link_works_once_and_ends_all_sessions(people):
    join(people.server, invite(people.owner, "paolo", "member"), "paolo")
    before = sign_in(people.server, "paolo")
    user = re.search(r'(us-\w+)/role" aria-label="Change Paolo', people.owner.get(f"{W}/members").text)[1]
    at = f"{W}/members/{user}"
    page = people.manager.submit(people.manager.get(f"{at}/role"), f"{at}/password")
    url = link_on(page)
    assert "Pass this link to paolo@halcyon.example. It works once, until" in page.text
    visitor = Browser(people.server)
    said = visitor.submit(key_page(visitor, url), "/password", password="another four words")
    assert "Your password is changed." in said.text
    assert before.ask("GET", f"{W}/tokens").status == 303 and key_page(Browser(people.server), url).status == 410
    assert sign_in(people.server, "paolo", "another four words")
    # A change of what they may takes the link's power away.
    url = link_on(people.manager.submit(people.manager.get(f"{at}/role"), f"{at}/password"))
    people.owner.submit(people.owner.get(f"{at}/role"), f"{at}/role", role="manager")
    assert key_page(Browser(people.server), url).status == 410


def test_roles_and_removal(people, tmp_path):
    join(people.server, invite(people.owner, "sam", "member"), "sam")
    sam = sign_in(people.server, "sam")
    cookie = dict(sam.cookies)
    pair = secret_on(new_token(sam, "sam-desk"))
    user = re.search(r'(us-\w+)/role" aria-label="Change Sam', people.owner.get(f"{W}/members").text)[1]
    at = f"{W}/members/{user}"
    said = people.manager.submit(people.manager.get(f"{at}/role"), f"{at}/role", role="manager")
    assert "<b>Sam</b> is now manager." in said.text
    # The session goes on under a new value, which knows the new role.
    assert sam.get(f"{W}/tokens?of=all").status == 200 and sam.cookies != cookie
    assert people.manager.submit(people.manager.get(f"{at}/role"), f"{at}/role", role="owner").status == 403
    question = people.manager.get(f"{at}/remove")
    assert "Remove Sam from halcyon?" in question.text and "1 token of theirs is revoked. Their apps stay and keep running." in question.text
    assert "Removed <b>Sam</b>, 1 token revoked." in people.manager.submit(question, f"{at}/remove").text
    assert not alive(people, tmp_path, pair) and "You are in no workspace" in sam.get("/").text
    # The last owner stays, and a manager touches no owner.
    mine = sqlite_user(people, "eleni")
    refused = people.owner.submit(people.owner.get(f"{W}/members/{mine}/remove"), f"{W}/members/{mine}/remove")
    assert refused.status == 409 and "halcyon needs an owner. Make somebody else owner first." in refused.text
    refused = people.owner.submit(people.owner.get(f"{W}/members/{mine}/role"), f"{W}/members/{mine}/role", role="member")
    assert refused.status == 409
    assert people.manager.submit(people.manager.get(f"{W}/members/{mine}/remove"), f"{W}/members/{mine}/remove").status == 403


def sqlite_user(people, name):
    db = sqlite3.connect(f"file:{people.server.folder}/data/ionian.db?mode=ro", uri=True)
    user = db.execute("SELECT id FROM users WHERE email = ?", [email_of(name)]).fetchone()[0]
    db.close()
    return user


def test_service_users(people, tmp_path):
    environments = re.findall(r'name="role\.(en-\w+)"', people.owner.get(f"{W}/service-users/new").text)
    made = people.manager.submit(people.manager.get(f"{W}/service-users/new"), f"{W}/service-users", name="ci", expires="90",
                                 **{f"role.{environments[0]}": "contributor"})
    pair = secret_on(made)
    assert "ci is ready." in made.text and alive(people, tmp_path, pair)
    refused = people.manager.submit(people.manager.get(f"{W}/service-users/new"), f"{W}/service-users", name="ci", expires="90")
    assert refused.status == 400 and "already exists" in refused.text
    at = f"{W}/service-users/ci"
    assert "contributor" in people.member.get(at).text and people.member.get(f"{at}/delete").status == 403
    said = people.owner.submit(people.owner.get(at), f"{at}/roles", **{f"role.{environments[0]}": "viewer"})
    assert "The roles of <b>ci</b> are saved." in said.text
    question = people.owner.get(f"{at}/delete")
    assert "Delete ci?" in question.text and "Its token stops at once. Apps it deployed stay." in question.text
    assert "Deleted <b>ci</b>." in people.owner.submit(question, f"{at}/delete").text
    assert not alive(people, tmp_path, pair) and people.owner.get(at).status == 404


def test_environments(people):
    said = people.manager.submit(people.manager.get(f"{W}/environments"), f"{W}/environments", name="staging", kind="open")
    assert "<b>staging</b> is ready." in said.text
    odd = people.manager.submit(people.manager.get(f"{W}/environments"), f"{W}/environments", name="a b", kind="open")
    assert odd.status == 400 and 'value="a b"' in odd.text
    at = f"{W}/environments/staging"
    question = people.manager.get(f"{at}/restrict")
    assert "Restrict staging?" in question.text and re.search(r"\d (person loses|people lose) it now", question.text)
    assert "is restricted now" in people.manager.submit(question, f"{at}/restrict", default_role="no-access").text
    assert people.member.get(at).status == 404
    page = people.manager.get(at)
    assert "The role is saved." in people.manager.submit(page, f"{at}/role", principal=people.ids["mira"], role="viewer").text
    assert people.member.get(at).status == 200
    assert people.member.ask("POST", at, {"csrf": "x", "name": "mine"}).status == 403
    renamed = people.manager.submit(people.manager.get(at), at, name="stage", suffix="stage", builder="2025.06")
    assert renamed.status == 200 and people.manager.get(at).status == 404
    at = f"{W}/environments/stage"
    assert "is open to all members now" in people.manager.submit(people.manager.get(at), f"{at}/open").text
    # Deleted by typing its name; the default one never.
    wrong = people.manager.submit(people.manager.get(f"{at}/delete"), f"{at}/delete", typed="staging")
    assert wrong.status == 409 and people.manager.get(at).status == 200
    assert "Deleted <b>stage</b> with 0 apps and 0 secrets." in people.manager.submit(people.manager.get(f"{at}/delete"), f"{at}/delete", typed="stage").text
    refused = people.manager.submit(people.manager.get(f"{W}/environments/main/delete"), f"{W}/environments/main/delete", typed="main")
    assert refused.status == 409 and people.manager.get(f"{W}/environments/main").status == 200


def test_proxy_tokens(people):
    page = people.manager.get(f"{W}/proxy-tokens/new")
    environment = re.search(r'name="env\.(en-\w+)"', page.text)[1]
    made = people.manager.submit(page, f"{W}/proxy-tokens", name="booking-site", scope="some", **{f"env.{environment}": "on"})
    key, secret = secret_on(made)
    assert key.startswith("wk-") and secret.startswith("ws-")
    assert "booking-site" in people.member.get(f"{W}/proxy-tokens").text
    at = f"{W}/proxy-tokens/{key}"
    assert people.member.get(at).status == 403
    assert "Saved." in people.manager.submit(people.manager.get(at), at, name="bookings").text
    assert "Saved." in people.manager.submit(people.manager.get(at), f"{at}/environments").text
    assert "nothing yet" in people.manager.get(at).text
    question = people.manager.get(f"{at}/delete")
    assert "Delete bookings?" in question.text
    assert "Deleted <b>bookings</b>." in people.manager.submit(question, f"{at}/delete").text
    assert people.manager.get(at).status == 404


def test_account(people):
    me = sign_in(people.server, "mira")
    page = me.get("/account")
    assert "Sign out everywhere else" in page.text and "127.0.0.1" in page.text
    assert "Saved." in me.submit(page, "/account", name="Mira Okafor", theme="dark").text
    assert '<html lang="en" data-theme="dark">' in me.get("/account").text
    cookie = dict(me.cookies)
    wrong = me.submit(me.get("/account"), "/account/password", **{"current-password": "not this one", "password": MIRAS})
    assert wrong.status == 400 and "That is not your password." in wrong.text
    another = sign_in(people.server, "mira")
    said = me.submit(me.get("/account"), "/account/password", **{"current-password": PASSWORD, "password": MIRAS})
    assert "Your password is changed;" in said.text and me.cookies != cookie
    assert another.ask("GET", "/account").status == 303 and people.member.ask("GET", "/account").status == 303
    people.member = sign_in(people.server, "mira", MIRAS)
    third = sign_in(people.server, "mira", MIRAS)
    listed = third.get("/account").text
    one = re.search(r'action="(/account/sessions/\w{16}/end)"', listed)[1]
    assert "That browser is signed out." in third.submit(third.get("/account"), one).text
    assert people.other.ask("POST", one, {"csrf": "x"}).status == 403
    fourth = sign_in(people.server, "mira", MIRAS)
    assert "Signed out everywhere else: 2 browsers." in third.submit(third.get("/account"), "/account/sessions/end").text
    assert fourth.ask("GET", "/account").status == 303 and third.ask("GET", "/account").status == 200
    people.member = sign_in(people.server, "mira", MIRAS)


def test_audit_log(people):
    for n in range(60):
        page = people.owner.get(f"{W}/environments/main")
        people.owner.submit(page, f"{W}/environments/main", name="main", suffix="", builder="")
    page = people.manager.get(f"{W}/audit-log")
    assert page.text.count("<tr><td") == 50 and re.search(r"1–50 of \d+", page.text)
    older = re.search(r'href="([^"]*before=\d+)" rel="next"', page.text)[1]
    second = people.manager.get(older)
    assert re.search(r"51–\d+ of \d+", second.text)
    newer = re.search(r'href="([^"]*)" rel="prev"', second.text)[1]
    assert people.manager.get(newer).text.count("<tr><td") == 50
    assert "Nothing matches." in people.manager.get(f"{W}/audit-log?q=no-such-words").text
    kinds = {"sign-in": "Signed in", "environments": "Changed environment", "members": "Invited", "tokens": "Made token"}
    for kind, words in kinds.items():
        assert words in people.manager.get(f"{W}/audit-log?what={kind}").text, kind
    # Others read their own lines only; another workspace has its own.
    own = people.member.get(f"{W}/audit-log").text
    assert "Eleni Pappas" not in own.split("<main")[1] and "Mira" in own
    assert "Jonas" not in people.stranger.get("/w/tidewatch/audit-log").text
    assert people.manager.get(f"{W}/audit-log?q=%27%22%3Cscript&before=x&since=y").status == 200


def test_strangers_text_is_shown_and_not_obeyed(people):
    name = "<script>alert(1)</script>\u202egnp"
    made = new_token(people.owner, name)
    assert "&lt;script&gt;" not in made.text  # the browser helper has unescaped it once
    raw = people.owner.raw("GET", f"{W}/tokens")
    assert "<script>alert" not in raw and "&lt;script&gt;alert(1)&lt;/script&gt;\\u202egnp" in raw


def test_headers_on_all_pages(people):
    for path in ["/sign-in", f"{W}/tokens", f"{W}/nothing", "/account", "/invite", "/first-owner"]:
        reply = people.owner.get(path)
        policy = reply.getheader("Content-Security-Policy")
        assert policy == ("default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
                          "frame-ancestors 'none'; require-trusted-types-for 'script'; connect-src 'self'"), path
        for name, value in {"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
                            "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
                            "Permissions-Policy": "camera=(), microphone=(), geolocation=()", "Cache-Control": "no-store"}.items():
            assert reply.getheader(name) == value, (path, name)
    cookie = Browser(people.server).ask("GET", "/sign-in").getheader("Set-Cookie")
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Path=/" in cookie and "Domain" not in cookie


def test_session_value_changes_at_sign_in(people):
    browser = Browser(people.server)
    page = browser.get("/sign-in")
    planted = dict(browser.cookies)
    browser.submit(page, "/sign-in", email=email_of("jonas"), password=PASSWORD)
    assert browser.cookies != planted
    thief = Browser(people.server)
    thief.cookies = planted
    assert thief.ask("GET", f"{W}/tokens").status == 303
    people.manager = sign_in(people.server, "jonas")


def test_no_secret_in_the_log(people):
    pair = secret_on(new_token(people.owner, "logged"))
    log = people.server.log_text()
    assert pair[1] not in log and PASSWORD not in log and "?key=" not in log.split("link works once")[1].split("\n", 1)[1]
