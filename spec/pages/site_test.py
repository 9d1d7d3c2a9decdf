"""The documentation's site in Chromium, from its files: without a server, and without a network. script/docs makes it."""

import pathlib
import sys
import unittest

ROOT = pathlib.Path(__file__).parents[2]
SITE = ROOT / "build/docs"
sys.path.append(str(ROOT / "spec/browser"))

from chromium import Browser, Page

BACKGROUND = "getComputedStyle(document.body).backgroundColor"
LIGHT, DARK = "rgb(255, 255, 255)", "rgb(19, 20, 22)"
FOREIGN = "performance.getEntriesByType('resource').map((one) => one.name).filter((name) => !/^(file|data):/.test(name))"
NARROW, WIDE = 360, 1400


class Site(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.browser = Browser()
        cls.addClassCleanup(cls.browser.close)

    def page(self, width=WIDE, scheme="light"):
        page = Page(self.browser, width)
        self.addCleanup(page.close)
        page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        return page

    def open(self, page, name):
        page.open((SITE / name).as_uri())
        page.wait(f"document.readyState === 'complete' && location.pathname.endsWith('/{name}')")

    def test_search_finds_a_page(self):
        page = self.page()
        self.open(page, "index.html")
        page.click("input[name=q]")
        page.type("retries")
        page.press("Enter")
        page.wait("[...document.querySelectorAll('.search a')].some((link) => link.textContent === 'Options')")

    def test_it_is_as_dark_as_the_system_until_a_reader_decides(self):
        for scheme, background in (("light", LIGHT), ("dark", DARK)):
            page = self.page(scheme=scheme)
            self.open(page, "index.html")
            self.assertEqual(page.evaluate(BACKGROUND), background)
        page.click(".content .theme-toggle")
        page.wait(f"{BACKGROUND} === '{LIGHT}'")

    def test_no_page_is_wider_than_a_telephone_nor_wants_what_is_not_there(self):
        page = self.page(NARROW)
        for path in SITE.glob("*.html"):
            with self.subTest(path.name):
                self.open(page, path.name)
                self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), NARROW)
                self.assertEqual(page.evaluate(FOREIGN), [])
        self.assertEqual(page.problems + page.failed_loads, [])


if __name__ == "__main__":
    unittest.main()
