"""`modal setup`, whole: the real client, a real browser, with the proof of the same computer and with the code."""
import re

from conftest import Client
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait
from test_look import examine, picture
from test_setup import start_setup


def heading(chrome):
    return chrome.driver.find_element(By.TAG_NAME, "h1").text


def approve(chrome):
    chrome.press("button[value=approve]")
    assert heading(chrome) == "Approved. Go back to your terminal."


def finished(process, folder):
    out = process.communicate(timeout=30)[0]
    assert process.returncode == 0, out
    text = (folder / "none.toml").read_text()
    assert "[halcyon]" in text
    return re.search(r"ak-\w{22}", text)[0]


def test_the_same_computer_needs_no_code(chrome, people, tmp_path, screenshots):
    client = Client(people.server, tmp_path).with_settings()
    process, flow, code = start_setup(client, "setup")
    chrome.look(1280)
    chrome.as_person(people.server, people.owner)
    chrome.complaints()
    chrome.driver.get(f"{people.server.ready['http_url']}/token-flow/{flow}")
    same = chrome.driver.find_element(By.ID, "same")
    WebDriverWait(chrome.driver, 10).until(lambda _: same.is_displayed())
    assert same.text == "This browser runs on the computer that asks: no code is needed."
    assert not chrome.driver.find_element(By.CSS_SELECTOR, "input.code").is_displayed()
    assert chrome.complaints() == []
    picture(chrome, screenshots / "authorize-same-1280-light.png")
    approve(chrome)
    assert not examine(chrome, screenshots, "authorized")
    finished(process, tmp_path)
    assert "Eleni" in client.run("token", "info").stdout


def test_without_script_the_code_is_typed(chrome, people, tmp_path):
    process, flow, code = start_setup(Client(people.server, tmp_path).with_settings())
    chrome.look(390)
    chrome.driver.get(people.server.ready["http_url"] + "/sign-in")
    chrome.driver.delete_all_cookies()
    chrome.cdp("Emulation.setScriptExecutionDisabled", value=True)
    try:
        # Signed out: sign in first, then back to the request.
        chrome.driver.get(f"{people.server.ready['http_url']}/token-flow/{flow}")
        assert heading(chrome) == "Sign in"
        chrome.driver.find_element(By.NAME, "email").send_keys("eleni@halcyon.example")
        chrome.driver.find_element(By.NAME, "password").send_keys("four unrelated words")
        chrome.press("button.primary")
        assert heading(chrome).endswith("a token for halcyon?")
        chrome.driver.find_element(By.NAME, "code").send_keys("AAAA-AAAA")
        chrome.press("button[value=approve]")
        assert "That is not the code. 4 tries are left." in chrome.driver.find_element(By.TAG_NAME, "main").text
        chrome.driver.find_element(By.NAME, "code").send_keys(code.lower())
        approve(chrome)
    finally:
        chrome.cdp("Emulation.setScriptExecutionDisabled", value=False)
    token = finished(process, tmp_path)
    assert token in people.owner.get("/w/halcyon/tokens").text


def test_a_proof_that_is_none_needs_the_code(chrome, people, tmp_path):
    """The command of another request answers on the port: its id is not this page's."""
    first, flow, _ = start_setup(Client(people.server, tmp_path).with_settings())
    page = people.owner.get(f"/token-flow/{flow}")
    # Only the id of the request itself counts, and only with the form's own key.
    wrong = people.owner.submit(page, f"/token-flow/{flow}", local="tc-" + "0" * 22, do="approve")
    assert wrong.status == 400 and "Type the code that the command shows." in wrong.text
    assert people.owner.ask("POST", f"/token-flow/{flow}", {"csrf": "x", "local": flow, "do": "approve"}).status == 403
    # By another name than loopback's the policy opens nothing and the proof is not taken.
    assert "connect-src 'self' http://localhost:" in page.getheader("Content-Security-Policy")
    people.owner.submit(page, f"/token-flow/{flow}", do="refuse")
    assert first.wait(30) != 0
