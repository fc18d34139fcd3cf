"""Headless Chromium before the pages of a real server with people, tokens and environments in it."""
import importlib.util
import os
import pathlib
import sys

import pytest
from selenium import webdriver
from selenium.webdriver.support.expected_conditions import staleness_of
from selenium.webdriver.support.ui import WebDriverWait

CONFORMANCE = pathlib.Path(__file__).parents[1] / "conformance"
sys.path.insert(0, str(CONFORMANCE))
# The helpers there import `conftest`, by which they mean their own: they get it, and this one takes its name back.
spec = importlib.util.spec_from_file_location("conftest", CONFORMANCE / "conftest.py")
theirs, own = importlib.util.module_from_spec(spec), sys.modules[__name__]
sys.modules["conftest"] = theirs
spec.loader.exec_module(theirs)
from pages_people import People  # noqa: E402
import test_pages  # noqa: E402, F401

sys.modules["conftest"] = own
Client = theirs.Client


class Chrome:
    """A browser with a fresh profile. Sizes and colours are emulated, so one serves for all."""

    def __init__(self):
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for flag in ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
                     "--no-first-run", "--disable-background-networking", "--disable-component-update"]:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))
        self.driver.set_page_load_timeout(20)

    def cdp(self, command, **arguments):
        return self.driver.execute_cdp_cmd(command, arguments)

    def press(self, button):
        """Sends the form of a button, and goes on once the page that answers has come."""
        page = self.driver.find_element("tag name", "html")
        self.driver.find_element("css selector", button).click()
        WebDriverWait(self.driver, 30).until(staleness_of(page))
        WebDriverWait(self.driver, 30).until(lambda driver: driver.execute_script("return document.readyState") == "complete")

    def look(self, width, scheme="light", height=900):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def as_person(self, server, browser):
        """Takes the cookies of a client that has signed in."""
        self.driver.get(server.ready["http_url"] + "/sign-in")
        self.driver.delete_all_cookies()
        for name, value in browser.cookies.items():
            if value:
                self.driver.add_cookie({"name": name, "value": value, "path": "/"})

    def complaints(self):
        """What the console has said since the last time: errors, and violations of the policy."""
        return [e["message"] for e in self.driver.get_log("browser") if e["level"] in ("SEVERE", "WARNING")]


@pytest.fixture(scope="session")
def chrome():
    browser = Chrome()
    yield browser
    browser.driver.quit()


@pytest.fixture(scope="session")
def people(tmp_path_factory):
    everybody = People(tmp_path_factory.mktemp("pages"))
    yield everybody
    assert everybody.server.stop() == 0, everybody.server.log_text()[-3000:]


@pytest.fixture(scope="session")
def screenshots():
    folder = pathlib.Path(os.environ["SCREENSHOTS"])
    folder.mkdir(parents=True, exist_ok=True)
    return folder
