"""Tests of the chat page in a real Chromium, against a stand-in for the gateway.
Run with /usr/bin/python3 spec/browser/page_test.py."""

import json
import threading
import unittest

from chat import ANSWER, FAILURE, IDLE, Chat
from chromium import SHIFT, Browser
from stand_in import Gateway, chunk, error, final, message, refuse

CARDS = [
    {"id": "a", "name": "Vela 20", "is_recommended": True,
     "parameters": [{"title": "Price", "value": 1319.5, "type": "numeric"}]},
    {"id": "b", "name": "Crème 32", "is_recommended": False,
     "parameters": [{"title": "Price", "value": 559, "type": "numeric"}]},
]
CONNECTION = "document.getElementById('connection').textContent"
FOCUS = "document.activeElement.id"


def setUpModule():
    global browser
    browser = Browser()


def tearDownModule():
    browser.close()


class PageTest(unittest.TestCase):
    width = 1200

    def setUp(self):
        self.gateway = Gateway()
        self.addCleanup(self.gateway.close)
        self.page = Chat(browser, self.gateway.url, self.width)
        self.addCleanup(self.page.close)

    def tearDown(self):
        self.assertEqual(self.page.problems, [], "errors or policy violations on the console")

    def gate(self):
        """An event that a script waits for; set at the latest when the test ends."""
        gate = threading.Event()
        self.addCleanup(gate.set)
        return gate

    def ask(self, text, *scripts):
        self.gateway.scripts += scripts
        self.page.ask(text)


class AnswerTest(PageTest):
    def test_a_conversation_begins_with_a_welcome_and_suggestions_and_a_click_sends_one(self):
        self.assertEqual(self.page.texts(".agent .text"), ["Hello!"])
        self.gateway.scripts.append([final("Which one?")])
        self.page.click(".suggestions li:nth-child(2) button")
        self.page.wait_for_answer("Which one?")
        self.assertEqual(self.gateway.chats[0]["text"], "A laptop")
        self.assertEqual(self.page.texts(".suggestions"), [])
        self.assertEqual(self.page.evaluate(FOCUS), "text")

    def test_an_answer_grows_and_products_and_suggestions_follow_its_end(self):
        gates = [self.gate(), self.gate()]
        end = final("I found two.", cards=CARDS, followup_suggestions=["More"])
        self.ask("microwave", [chunk("I found", 0), gates[0], chunk(" two", 7), gates[1], end])
        self.page.wait_for_answer("I found")
        gates[0].set()
        self.page.wait_for_answer("I found two")
        self.assertEqual(self.page.texts(".card, #announcer p"), [])
        gates[1].set()
        self.page.wait(IDLE)
        self.page.wait_for_answer("I found two.")
        self.assertEqual(self.page.texts(".card h3"), ["Vela 20", "Crème 32"])
        self.assertEqual(self.page.texts(".card:has(.badge) h3"), ["Vela 20"])
        self.assertEqual(self.page.texts(".card dd"), ["1319.50", "559"])
        self.assertEqual(self.page.texts(".suggestions button"), ["More"])
        self.assertEqual(self.page.texts("#announcer p"), ["I found two.", "2 products."])

    def test_what_is_kept_of_an_answer_is_counted_in_bytes(self):
        gate = self.gate()
        kept = len("Crème 🎉 ".encode())
        chunks = [chunk("Crème 🎉 300 €", 0), chunk("279 €", kept), chunk(" 😀", kept + 7)]
        self.ask("price", [*chunks, gate, final("End")])
        self.page.wait_for_answer("Crème 🎉 279 € 😀")

    def test_nothing_that_arrives_becomes_markup(self):
        evil = "<img src=x onerror=alert(1)><b>bold</b>"
        parameter = {"title": evil, "value": evil, "type": "string"}
        card = {"id": "c", "name": evil, "parameters": [parameter], "is_recommended": True}
        self.ask(evil, [final(evil, cards=[card], followup_suggestions=[evil])])
        self.page.wait(IDLE)
        shown = self.page.texts(
            ".user .text, .agent:last-of-type .text, .card h3, .card dt, .card dd, .suggestions button")
        self.assertEqual(shown, [evil] * 6)
        self.assertEqual(self.page.texts("#messages img, #messages b"), [])

    def test_every_type_of_parameter_is_shown_in_its_way(self):
        values = {
            "boolean": (False, "No"), "numeric": (12345.5, "12,345.5"), "string": ("oak", "oak"),
            "date": ("2025-10-09", "Oct 9, 2025"), "time": ("09:30:00", "9:30 AM"),
            "datetime": ("2025-10-09 12:26:07.576000", "Oct 9, 2025, 12:26 PM"),
            "object": ({"width": 60, "door": {"left": True}}, "width60doorleftYes"), "array": (["red", 3], "red, 3"),
            "list_of_objects": ([{"city": "Bonn"}, {"city": "Kiel"}], "cityBonnKiel"),
        }
        rows = [{"title": kind, "value": value, "type": kind} for kind, (value, _) in values.items()]
        rows += [{"title": "n", "value": None, "type": "string"}, {"title": "d", "value": "soon", "type": "date"}]
        self.ask("all", [final("Here", cards=[{"id": "d", "name": "All", "parameters": rows}])])
        self.page.wait(IDLE)
        expected = [shown for _, shown in values.values()] + ["–", "soon"]
        shown = self.page.texts(".card > dl > div > dd, .card > details > dl > div > dd")
        self.assertEqual([text.replace("\u202f", " ") for text in shown], expected)

    def test_only_web_addresses_become_links(self):
        addresses = ["https://www.example.com/a.jpg", "javascript:alert(1)", "data:text/html,x"]
        rows = [{"title": "link", "value": address, "type": "string"} for address in addresses]
        self.ask("links", [final("Here", cards=[{"id": "e", "name": "Links", "parameters": rows}])])
        self.page.wait(IDLE)
        links = self.page.evaluate("[...document.querySelectorAll('.card a')].map(({ href, rel }) => [href, rel])")
        self.assertEqual(links, [[addresses[0], "noopener noreferrer"]])

    def test_the_price_stands_first_and_objects_alike_are_a_table(self):
        stores = [{"city": "Bonn", "stock": 3}, {"city": "Kiel", "stock": 0}]
        rows = [{"title": "Brand", "value": "Acme"}, {"title": "Stores", "value": stores}, {"title": "price", "value": 5}]
        self.ask("hi", [final("Here", cards=[{"name": "A", "parameters": rows}])])
        self.page.wait(IDLE)
        self.assertEqual(self.page.texts(".card > dl > div > dt"), ["price", "Brand", "Stores"])
        self.assertEqual(self.page.texts(".card tr"), ["citystock", "Bonn3", "Kiel0"])

    def test_a_card_is_as_high_as_what_is_in_it(self):
        rows = [{"title": str(number), "value": number} for number in range(8)]
        self.ask("hi", [final("Here", cards=[{"name": "A", "parameters": rows}, *CARDS])])
        self.page.wait(IDLE)
        empty = self.page.evaluate("""[...document.querySelectorAll('.card')].map((card) =>
            card.getBoundingClientRect().bottom - card.lastElementChild.getBoundingClientRect().bottom < 20)""")
        self.assertEqual(empty, [True] * 3)

    def test_addresses_of_pictures_are_links(self):
        rows = [{"title": "Image", "value": "https://images.example/a.png"}]
        text = "![A](https://images.example/b.png)"
        self.ask("hi", [final(text, cards=[{"name": "A", "parameters": rows}])])
        self.page.wait(IDLE)
        self.assertEqual(self.page.texts(".agent:last-of-type a"), ["A", "images.example/a.png"])
        self.assertEqual(self.page.texts("img"), [])

    def test_options_of_older_agents_are_products_too(self):
        names = {"Brand": "Acme", "Model": "K1"}
        rows = [{"title": title, "value": value, "type": "string"} for title, value in names.items()]
        self.ask("old", [final("Here", options=[{"is_recommended": True, "widget_parameters": rows}], cards=None)])
        self.page.wait(IDLE)
        self.assertEqual(self.page.texts(".card h3"), ["Acme K1"])

    def test_what_has_another_type_than_it_should_is_left_out_and_the_rest_is_shown(self):
        card = {"name": "A", "parameters": [None, "x", {"title": "t", "value": [0] * 200_000}, {}]}
        odd = [{"cards": "x", "options": {}, "variants_options": 3, "followup_suggestions": "x"},
               {"cards": [None, "x", {"name": "A", "parameters": {}}], "followup_suggestions": {}},
               {"cards": [card], "followup_suggestions": [None, 3, {}, "More"]},
               {"options": [None, {"widget_parameters": "x"}, {"widget_parameters": [None]}]},
               {"cards": [{"name": "A", "parameters": [{}] * 150_000}, {"name": "B"}],
                "followup_suggestions": ["More"] * 150_000}]
        answers = [message(str(number), **fields) for number, fields in enumerate(odd)]
        for answer in answers:
            self.ask("hi", [("message", answer)])
            self.page.wait_for_answer(answer["text"])
            self.page.wait(IDLE)
        cards = self.page.texts(".card h3")
        self.assertEqual(cards, ["A", "A", "Option 1", "Option 2", "A", "B"])
        self.assertEqual(set(self.page.texts(".suggestions button")), {"More"})
        self.assertEqual(self.page.texts(".failure"), [])
        self.gateway.histories["task-1"] += [None, "x", {}, message("no", sender=None), *answers, {"text": 3}]
        self.page.reload()
        self.page.wait(IDLE)
        self.assertEqual(self.page.texts(".card h3"), cards)
        self.assertEqual(self.page.texts(".agent .text"), ["Hello!", "", "no", *"01234", ""])

    def test_an_object_that_cannot_become_text_is_left_out(self):
        no_text = {"toString": 1, "valueOf": 1}
        rows = [{"title": no_text, "value": 1}, {"title": "value", "value": no_text},
                {"title": "type", "value": "x", "type": no_text}, {"title": "date", "value": no_text, "type": "date"}]
        odd = [{"cards": [{"name": no_text, "title": "A", "parameters": rows}, {"title": no_text}]},
               {"cards": [{"title": "B", "json_data": {"entity": {"value": no_text}}}]},
               {"options": [{"widget_parameters": [{"title": "name", "value": no_text}, {"title": no_text}]}]}]
        answers = [message(str(number), **fields) for number, fields in enumerate(odd)]
        for answer in answers:
            self.ask("hi", [("message", answer)])
            self.page.wait_for_answer(answer["text"])
            self.page.wait(IDLE)
        self.gateway.histories["task-1"] += answers
        for _ in range(2):
            self.assertEqual(self.page.texts(".card h3"), ["A", "Product", "B", "Option 1"])
            self.assertEqual(self.page.texts(".card:first-child > dl > div > dt")[:4], ["", "value", "type", "date"])
            self.assertEqual(self.page.texts(".failure"), [])
            self.page.reload()
            self.page.wait(IDLE)

    def test_of_a_message_or_a_history_that_is_nothing_but_items_some_are_shown(self):
        nested = {"title": "t", "value": [[0] * 100 for _ in range(100)]}
        for number, parameters in enumerate(([{}] * 100, [nested])):
            cards = [{"name": "A", "parameters": parameters}] * 100
            self.ask("hi", [("message", message(str(number), cards=cards))])
            self.page.wait_for_answer(str(number))
            self.page.wait(IDLE)
            shown = ".message:last-of-type .card dd, .message:last-of-type .card dd li"
            self.assertLessEqual(len(self.page.texts(shown)), 2000)
            self.assertEqual(len(self.page.texts(".message:last-of-type .card")), 100)
        self.gateway.histories["task-1"] += [message(str(number)) for number in range(2000)]
        self.page.reload()
        self.page.wait(IDLE)
        self.assertEqual(self.page.texts(".agent .text")[1:], [str(number) for number in range(1000, 2000)])


class PicturesTest(PageTest):
    def setUp(self):
        super().setUp()
        self.gateway.pictures = ["https://images.example"]
        self.page.reload()
        self.page.wait(IDLE)

    def test_they_are_shown_from_where_the_gateway_lets_them_come(self):
        rows = [{"title": "Image", "value": "https://images.example/a.png"},
                {"title": "Other", "value": "https://elsewhere.example/c.png"}]
        self.page.call("Fetch.enable", patterns=[{"urlPattern": "https://*"}])  # each is held, and so not missed
        text = "![A](https://images.example/b.png) ![B](https://elsewhere.example/d.png) ![C](http://images.example/e.png)"
        self.ask("hi", [final(text, cards=[{"name": "A", "parameters": rows}])])
        self.page.wait(IDLE)
        pictures = "[...document.querySelectorAll('.agent img')].map(({ src, alt }) => [src, alt])"
        self.assertEqual(self.page.evaluate(pictures),
                         [["https://images.example/b.png", "A"], ["https://images.example/a.png", ""]])
        self.assertEqual(self.page.texts(".agent:last-of-type a"), ["B", "C", "elsewhere.example/c.png"])

    def test_one_that_cannot_be_loaded_leaves_no_hole(self):
        self.ask("hi", [final("![A](https://images.example/none.png) Here")])
        self.page.wait_for_answer(" Here")
        self.page.wait("!document.querySelector('img')")


class EarlierTest(PageTest):
    def ask_in_new(self, text):
        self.page.click("#new")
        self.page.wait(f"{IDLE} && {ANSWER} === 'Hello!'")
        self.ask(text, [final("Yes")])
        self.page.wait_for_answer("Yes")
        self.page.wait(IDLE)

    def test_an_earlier_conversation_can_be_gone_back_to(self):
        self.ask("one", [final("Yes")])
        self.page.wait_for_answer("Yes")
        self.page.wait(IDLE)
        self.ask_in_new("two")
        self.gateway.histories["task-1"] += [message("one", "user"), message("First")]
        self.page.click("#show-earlier")
        self.assertEqual(self.page.texts("#earlier-list .title"), ["two", "one"])
        self.page.click("#earlier-list li:last-child button")
        self.page.wait_for_answer("First")
        self.page.wait(IDLE)
        self.assertEqual(self.page.texts(".message .text"), ["Hello!", "one", "First"])
        self.ask("more", [final("Once more")])
        self.page.wait_for_answer("Once more")
        self.assertEqual(self.gateway.chats[-1]["task_id"], "task-1")
        self.page.click("#show-earlier")
        self.assertEqual(self.page.texts("#earlier-list .title"), ["one", "two"])

    def test_a_conversation_that_is_gone_is_no_longer_listed_and_all_can_be_forgotten(self):
        self.ask("one", [final("Yes")])
        self.page.wait_for_answer("Yes")
        self.page.wait(IDLE)
        self.ask_in_new("two")
        del self.gateway.histories["task-1"]
        self.page.click("#show-earlier")
        self.page.click("#earlier-list li:last-child button")
        self.page.wait(f"{IDLE} && {ANSWER} === 'Hello!'")
        self.page.click("#show-earlier")
        self.assertEqual(self.page.texts("#earlier-list .title"), ["two"])
        self.page.click("#forget-earlier")
        self.assertEqual(self.page.texts("#earlier-list .title"), [])
        self.assertEqual(self.page.evaluate("localStorage['chat.earlier']"), "[]")

    def test_the_last_twenty_are_listed_by_their_beginnings(self):
        self.page.evaluate("""(async () => {
            const { noteConversation } = await import("/chat/earlier.js");
            for (let i = 0; i < 30; i += 1) noteConversation({ task_id: `t${i}` }, `${i} `.padEnd(9000, "x"));
        })()""")
        listed = json.loads(self.page.evaluate("localStorage['chat.earlier']"))
        self.assertEqual([task["task_id"] for task in listed], [f"t{i}" for i in range(29, 9, -1)])
        self.assertEqual({len(task["title"]) for task in listed}, {80})

    def test_escape_closes_the_dialog_and_stops_no_answer(self):
        gate = self.gate()
        self.ask("one", [chunk("Long", 0), gate, final("Longer")])
        self.page.wait_for_answer("Long")
        self.page.click("#show-earlier")
        self.page.press("Escape")
        self.page.wait("!document.querySelector('dialog[open]')")
        gate.set()
        self.page.wait_for_answer("Longer")


class ReloadTest(PageTest):
    def test_a_reload_keeps_the_conversation(self):
        answer = message("Two.", cards=CARDS, followup_suggestions=["More"])
        self.gateway.histories["task-1"] += [message("hi", "user"), answer]
        self.page.reload()
        self.assertEqual(self.page.texts(".message .text"), ["Hello!", "hi", "Two."])
        self.assertEqual(self.page.texts(".card h3, .suggestions button"), ["Vela 20", "Crème 32", "More"])
        self.assertEqual(self.gateway.tasks, 1)

    def test_a_conversation_of_another_browser_is_left_for_a_new_one(self):
        del self.gateway.histories["task-1"]
        self.page.reload()
        self.assertEqual(json.loads(self.page.evaluate("localStorage['chat.task']"))["task_id"], "task-2")

    def test_a_reload_in_mid_answer_goes_on_with_it(self):
        self.ask("hi", [chunk("One", 0), self.gate()])
        self.page.wait_for_answer("One")
        self.gateway.histories["task-1"].append(message("hi", "user"))
        self.gateway.scripts.append([chunk("One, two", 0), final("One, two, three")])
        self.page.reload()
        self.page.wait_for_answer("One, two, three")
        first, second = self.gateway.chats
        self.assertEqual((second["id"], second["last_event"]), (first["id"], "1"))
        self.assertEqual(self.page.texts(".user .text"), ["hi"])

    def test_an_answer_that_came_during_a_reload_is_not_asked_for_again(self):
        self.ask("hi", [chunk("One", 0), self.gate()])
        self.page.wait_for_answer("One")
        self.gateway.histories["task-1"] += [message("hi", "user"), message("One, two")]
        self.page.reload()
        self.page.wait_for_answer("One, two")
        self.assertEqual((self.page.texts(".user .text"), len(self.gateway.chats)), (["hi"], 1))

    def test_a_new_conversation_shows_nothing_of_an_answer_under_way(self):
        gates = [self.gate(), self.gate()]
        self.ask("hi", [chunk("One", 0), gates[0], final("One, two", followup_suggestions=["Old"])])
        self.page.wait_for_answer("One")
        self.page.click("#new")
        self.page.wait(f"{IDLE} && {ANSWER} === 'Hello!'")
        self.ask("again", [chunk("Once", 0), gates[1], final("Once more")])
        self.page.wait_for_answer("Once")
        for gate in gates:
            gate.set()
        self.page.wait(IDLE)
        self.assertEqual(self.page.texts(".message .text, .suggestions"), ["Hello!", "again", "Once more"])
        self.assertEqual(self.gateway.chats[1]["task_id"], "task-2")


class FailureTest(PageTest):
    def test_an_answer_whose_connection_is_lost_goes_on(self):
        gate = self.gate()
        self.ask("hi", [chunk("One", 0), gate, "cut"], [chunk("One, two", 0), final("One, two")])
        self.page.wait_for_answer("One")
        self.page.evaluate(
            f"new MutationObserver(() => (window.told ||= {CONNECTION}))"
            ".observe(document.getElementById('connection'), { childList: true })")
        gate.set()
        self.page.wait(IDLE)
        self.page.wait_for_answer("One, two")
        self.assertIn("Reconnecting", self.page.evaluate("window.told"))
        self.assertEqual(self.page.evaluate(CONNECTION), "")
        first, second = self.gateway.chats
        self.assertEqual((second["id"], second["last_event"]), (first["id"], "1"))

    def test_a_failed_message_that_may_have_arrived_says_so_and_can_be_tried_again(self):
        self.ask("hi", [chunk("One", 0), error("timeout", delivered="maybe")])
        self.page.wait(IDLE)
        self.assertIn("may have arrived", self.page.evaluate(FAILURE))
        self.gateway.scripts.append([final("Two")])
        self.page.click(".failure button")
        self.page.wait_for_answer("Two")
        self.assertEqual(self.page.texts(".message .text"), ["Hello!", "hi", "Two"])
        first, second = self.gateway.chats
        self.assertNotEqual(first["id"], second["id"])
        self.assertEqual(self.page.evaluate(FOCUS), "text")

    def test_what_cannot_be_retried_has_no_button(self):
        self.ask("hi", [error("application", retryable=False)])
        self.page.wait(IDLE)
        self.assertIn("was not sent", self.page.evaluate(FAILURE))
        self.assertEqual(self.page.texts(".failure button"), [])

    def test_only_a_message_is_said_not_to_be_sent(self):
        for status in (429, 502):
            self.gateway.refusals.append(refuse(status, True, delivered="no"))
            self.page.click("#new")
            self.page.wait(FAILURE)
            self.assertNotIn("Your message", self.page.evaluate(FAILURE))
            self.page.click(".failure button")
            self.page.wait(f"{IDLE} && {ANSWER} === 'Hello!'")

    def test_a_busy_gateway_is_tried_again_when_it_says(self):
        self.ask("hi", refuse(429, True, {"Retry-After": "1"}))
        self.page.wait(IDLE)
        self.assertEqual(self.page.texts(".failure button:disabled"), ["Try again in 1 s"])
        self.page.wait("document.querySelector('.failure button:enabled')")
        self.gateway.scripts.append([final("Two")])
        self.page.click(".failure button")
        self.page.wait_for_answer("Two")
        first, second = self.gateway.chats
        self.assertEqual(first["id"], second["id"])

    def test_a_message_that_an_earlier_connection_may_have_brought_is_not_said_not_to_be_sent(self):
        busy = refuse(429, True, delivered="no")
        self.ask("hi", ["cut"], busy)
        self.page.wait(FAILURE)
        self.assertIn("may have arrived", self.page.evaluate(FAILURE))
        self.gateway.scripts.append(busy)
        self.page.click(".failure button")
        self.page.wait(f"{FAILURE} && {IDLE}")
        self.assertIn("may have arrived", self.page.evaluate(FAILURE))
        self.assertEqual(1, len({call["id"] for call in self.gateway.chats}))

    def test_a_message_that_was_refused_twice_was_not_sent(self):
        busy = refuse(429, True, delivered="no")
        self.ask("hi", busy)
        self.page.wait(FAILURE)
        self.gateway.scripts.append(busy)
        self.page.click(".failure button")
        self.page.wait(f"{FAILURE} && {IDLE}")
        self.assertEqual(2, len(self.gateway.chats))
        self.assertIn("was not sent", self.page.evaluate(FAILURE))

    def test_a_message_that_is_too_long_is_told_to_be(self):
        self.ask("hi", refuse(413, False))
        self.page.wait(IDLE)
        self.assertIn("too long", self.page.evaluate(FAILURE))

    def test_a_conversation_that_is_gone_offers_a_new_one(self):
        self.ask("hi", refuse(403, False))
        self.page.wait(IDLE)
        self.page.click(".failure button")
        self.page.wait(f"{IDLE} && {ANSWER} === 'Hello!'")
        self.assertEqual(self.gateway.tasks, 2)

    def test_being_offline_is_shown_and_ends_by_itself(self):
        self.page.set_offline(True)
        self.page.wait(f"{CONNECTION}.includes('offline')")
        self.ask("hi", [final("Two")])
        self.page.wait("document.body.dataset.state === 'answering'")
        self.page.set_offline(False)
        self.page.wait_for_answer("Two")
        self.assertEqual(self.page.evaluate(CONNECTION), "")


class ReaderTest(PageTest):
    def test_keys_start_a_line_send_and_stop(self):
        self.assertEqual(self.page.evaluate(FOCUS), "text")
        self.page.type("one")
        self.page.press("Enter", SHIFT)
        self.ask("two", [chunk("Long", 0), self.gate()])
        self.page.wait_for_answer("Long")
        self.assertEqual(self.gateway.chats[0]["text"], "one\ntwo")
        self.page.press("Escape")
        self.page.wait(IDLE)
        self.assertEqual(self.page.texts(".note"), ["Stopped."])
        self.ask("again", [final("Short")])
        self.page.wait_for_answer("Short")

    def test_a_message_waits_in_the_box_while_an_answer_comes(self):
        gate = self.gate()
        self.ask("one", [chunk("Long", 0), gate, final("Longer")])
        self.page.wait_for_answer("Long")
        self.ask("two")
        self.assertEqual(self.page.evaluate("document.getElementById('text').value"), "two")
        gate.set()
        self.page.wait(IDLE)
        self.assertEqual(len(self.gateway.chats), 1)

    def test_the_end_stays_in_view_only_for_who_reads_there(self):
        gates = [self.gate(), self.gate()]
        lines = "line\n" * 99 + "line"
        self.ask("long", [chunk(lines, 0), gates[0], chunk("\nmore" + lines, 499), gates[1], final("End")])
        self.page.evaluate("window.view = document.getElementById('log')")
        below = "view.scrollHeight - view.clientHeight - view.scrollTop"
        self.page.wait(f"{ANSWER}.length === 499 && {below} < 2")
        self.page.scroll(-300)
        self.page.wait(f"{below} > 200")
        before = self.page.evaluate("view.scrollTop")
        gates[0].set()
        self.page.wait(f"{ANSWER}.length === 1003 && {below} > 1000")
        self.assertEqual(self.page.evaluate("view.scrollTop"), before)
        self.assertLessEqual(*self.page.evaluate("""[view.getBoundingClientRect().bottom,
            document.getElementById('latest').getBoundingClientRect().top]"""))
        self.page.click("#latest")
        self.page.wait(f"{below} < 2")

    def test_an_answer_can_be_copied_as_the_agent_wrote_it_by_the_keyboard(self):
        browser.call("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"],
                     browserContextId=self.page.context)
        self.page.call("Page.bringToFront")
        self.ask("hi", [final("**Two** of them")])
        self.page.wait(IDLE)
        self.page.evaluate("[...document.querySelectorAll('.actions button')].at(-1).focus()")
        self.page.press("Enter")
        self.page.wait("document.activeElement.textContent === 'Copied'")
        self.assertEqual(self.page.evaluate("navigator.clipboard.readText()"), "**Two** of them")
        self.assertEqual(self.page.texts("#announcer"), ["Copied"])


class LanguageTest(PageTest):
    def test_the_page_speaks_the_language_of_the_browser(self):
        self.page.call("Emulation.setUserAgentOverride", userAgent="x", acceptLanguage="fr-FR,de-AT,en")
        self.page.reload()
        self.page.wait(IDLE)
        self.ask("hi", [final("Hier", cards=CARDS)])
        self.page.wait(IDLE)
        self.assertEqual(self.page.evaluate("document.documentElement.lang"), "de-AT")
        self.assertEqual(self.page.texts("#new, .badge, #announcer p"), ["\n        \n        Neu\n      ", "Empfohlen",
                                                                        "Hier", "2 Produkte."])
        self.assertEqual(self.page.texts(".card dd")[0], "1319,50")
        self.assertEqual(self.page.evaluate("document.getElementById('send').ariaLabel"), "Senden")

    def test_all_languages_have_the_same_words(self):
        shapes = self.page.evaluate("""(async () => {
            const { words } = await import("/shop.js");
            const shape = (value) => typeof value === "object"
                ? Object.entries(value).map(([key, inner]) => [key, shape(inner)]).sort() : typeof value;
            return Object.values(words).map(shape);
        })()""")
        self.assertGreater(len(shapes), 1)
        for shape in shapes[1:]:
            self.assertEqual(shape, shapes[0])

    def test_texts_have_contrast_in_both_schemes(self):
        colours = self.page.evaluate("import('/shop.js').then(({ colours }) => colours)")

        def luminance(colour):
            parts = [int(colour[at:at + 2], 16) / 255 for at in (1, 3, 5)]
            red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
            return 0.2126 * red + 0.7152 * green + 0.0722 * blue

        pairs = [*((text, ground) for text in ("ink", "muted", "brand") for ground in ("paper", "surface")),
                 ("ink", "tint"), ("muted", "tint"), ("brand", "tint"), ("ink", "warm"), ("on-brand", "brand"),
                 ("on-accent", "accent")]
        for text, ground in pairs:
            for scheme in (0, 1):
                dark, light = sorted(luminance(colours[name][scheme]) for name in (text, ground))
                self.assertGreaterEqual((light + 0.05) / (dark + 0.05), 4.5, (text, ground, scheme))


class NarrowTest(PageTest):
    width = 360

    def test_nothing_is_wider_than_a_telephone(self):
        word = "x" * 400
        card = {"id": "f", "name": word, "parameters": [{"title": word, "value": word, "type": "string"}]}
        self.ask(word, [final(word, cards=[card], followup_suggestions=[word])])
        self.page.wait(IDLE)
        self.ask("hi", [chunk(word, 0), error("timeout", message=word)])
        self.page.wait(FAILURE)
        boxes = "[document.documentElement, document.getElementById('log')]"
        self.assertEqual(self.page.evaluate(boxes + ".map((e) => e.scrollWidth - e.clientWidth)"), [0, 0])


if __name__ == "__main__":
    unittest.main()
