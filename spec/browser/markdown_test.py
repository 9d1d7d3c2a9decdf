"""Tests of the Markdown in the chat page's answers, in a real Chromium, against a stand-in for the gateway.
Run with /usr/bin/python3 spec/browser/markdown_test.py."""

import json
import unittest

from chat import IDLE
from chromium import Browser
import page_test
from stand_in import chunk, final

MIXED = """# Two *microwaves* #

Both are **quiet**:
see https://shop.example/a_b_c?x=1.

1. Vela 20
   - `grill` only

   and cheap
2. [Crème 🎉 32](https://shop.example/c "t")

| Model | Price |
|:------|------:|
| Vela  | 319   |
| a\\|b

> Prices
> - with tax
***
```lua
print("*no*")

```
~~Old~~ [end]"""

# All that an answer may be made of.
ELEMENTS = {"P", "H3", "H4", "H5", "H6", "HR", "PRE", "CODE", "BLOCKQUOTE", "UL", "OL", "LI", "DIV", "TABLE", "THEAD",
            "TBODY", "TR", "TH", "TD", "A", "STRONG", "EM", "DEL"}
ATTRIBUTES = {"class", "href", "target", "rel", "start", "tabindex", "dir"}

ADDRESSES = ["javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)", "data:text/html,x", "vbscript:x",
             "//evil.example", "/path", "file:///etc/passwd", "https://", "&#106;avascript:alert(1)", "blob:x",
             "\\javascript:alert(1)", "https://a b", "https://[", "http:evil", "ht\ntps://evil.example"]

# What is repeated so that it would take a careless parser a time that grows with the square of the length.
REPEATED = ["*a ", "**a", "*a **b ", "_a", "***", "~~a ", "*a_", "`", "`a``b", "```` ` ", "[", "[a](", "[a](<", '[a](b "',
            "[a](b(", "[a]( ", "![", "]", "<", "<https://", "https://", "https://a.b)))", "https://a.b**", "(", "h", "\\*",
            "# ", "#", ">", "> ", "- ", "1. ", "- a\n\n\n", "\n", " ", "|", "|a\n|-\n", "|a|\n", "- - ", "* * a\n",
            "-\n", "```\n", "~~~", "    ", "> - "]
BEFORE = {" ": "[a](", "\n": "- a", "|a|\n": "|a|\n|-|\n"}  # where the repeated part is worse behind something
VIEW = "const { MarkdownView } = await import('/chat/markdown/view.js'); const at = document.createElement('div');"


def setUpModule():
    page_test.browser = Browser()


def tearDownModule():
    page_test.browser.close()


class MarkdownTest(page_test.PageTest):
    def run_async(self, code):
        return self.page.evaluate(f"(async () => {{ {code} }})()")

    def rendered(self, text):
        return self.run_async(f"{VIEW} new MarkdownView(at).show({json.dumps(text)}); return at.innerHTML;")

    def answer(self, text):
        self.ask("hi", [final(text)])
        self.page.wait(IDLE)
        return self.page.evaluate("[...document.querySelectorAll('.agent .text')].at(-1).innerHTML")


class MarksTest(MarkdownTest):
    def test_marks_of_an_answer_are_shown(self):
        link = 'target="_blank" rel="noopener noreferrer"'
        address = "https://shop.example/a_b_c?x=1"
        self.assertEqual(self.answer(MIXED).replace(' class=""', ""), f"""\
<h3>Two <em>microwaves</em></h3>\
<p>Both are <strong>quiet</strong>:\nsee <a href="{address}" {link}>{address}</a>.</p>\
<ol start="1"><li><p>Vela 20</p><ul><li><p><code>grill</code> only</p></li></ul><p>and cheap</p></li>\
<li><p><a href="https://shop.example/c" {link}>Crème 🎉 32</a></p></li></ol>\
<div class="table" tabindex="0"><table>\
<thead><tr><th class="start">Model</th><th class="end">Price</th></tr></thead>\
<tbody><tr><td class="start">Vela</td><td class="end">319</td></tr><tr><td class="start">a|b</td></tr></tbody>\
</table></div>\
<blockquote><p>Prices</p><ul><li><p>with tax</p></li></ul></blockquote><hr>\
<pre tabindex="0" dir="ltr"><code>print("*no*")\n</code></pre>\
<p><del>Old</del> [end]</p>""")

    def test_an_answer_has_the_direction_of_its_first_letter(self):
        direction = "getComputedStyle([...document.querySelectorAll('.agent .text')].at(-1)).direction"
        for text, expected in (("1. one", "ltr"), ("- 12 \u05e9\u05dc\u05d5\u05dd, a", "rtl"), ("42", "ltr"),
                               ("\u0645\u0631\u062d\u0628\u0627", "rtl"), ("**\u4f60** \u05e9", "ltr")):
            with self.subTest(text):
                self.answer(text)
                self.assertEqual(expected, self.page.evaluate(direction))

    def test_what_only_looks_like_a_mark_is_text(self):
        for text in ["2 * 3 * 4", "a_b_c", "~1~", "*a", "**a*b", "****a****", "#a", "`a", "[a](b)", "[a] (b)",
                     "1986. A year", "a\n2. b", "a | b", "|a|b|\n|-|", "xhttps://a.b", "\\d", "C:\\dir", "&lt;b&gt;", "- ",
                     "<b>a</b>"]:
            with self.subTest(text):
                shown = self.run_async(f"{VIEW} new MarkdownView(at).show({json.dumps('x' + chr(10) + text)});"
                                       "return [at.textContent, at.querySelectorAll('p, p *').length]")
                self.assertEqual(shown, ["x\n" + text.strip(), 1])

    def test_emphasis_is_where_readers_expect_it(self):
        for text, expected in {
                "***a***": "<em><strong>a</strong></em>", "*a **b** c*": "<em>a <strong>b</strong> c</em>",
                "**重要：**これ": "<strong>重要：</strong>これ", "**Note:**text": "<strong>Note:</strong>text",
                "_a_": "<em>a</em>", "\\*a\\*": "*a*", "`` a`b ``": "<code>a`b</code>", "`*a*`": "<code>*a*</code>",
                "*a`*`": "*a<code>*</code>", "a<br>b": "a\nb", "**[a*](b)**": "<strong>[a*](b)</strong>"}.items():
            with self.subTest(text):
                self.assertEqual(self.rendered(text).replace(' class=""', ""), f"<p>{expected}</p>")

    def test_a_screen_reader_is_told_the_words_without_the_marks(self):
        self.answer("**Two** of `them`")
        self.assertEqual(self.page.texts("#announcer p"), ["Two of them", ""])


class StreamTest(MarkdownTest):
    def test_a_text_that_grows_by_characters_is_shown_as_one_that_comes_at_once(self):
        grown, whole = self.run_async(f"""{VIEW}
            const text = {json.dumps(MIXED)}, grown = new MarkdownView(at), other = document.createElement("div");
            for (let end = 0; end <= text.length; end += 1) {{
                grown.show(text.slice(0, end));
                new MarkdownView(other).show(text.slice(0, end));
                if (at.innerHTML !== other.innerHTML) break;
                other.replaceChildren();
            }}
            return [at.innerHTML, other.innerHTML || at.innerHTML];""")
        self.assertEqual(grown, whole)

    def test_any_rewrite_is_shown_as_if_it_had_come_at_once(self):
        shown = self.run_async(f"""{VIEW}
            const text = {json.dumps(MIXED)}, grown = new MarkdownView(at), wrong = [];
            for (let keep = 0; keep <= text.length; keep += 3) {{
                grown.show(text);
                const rewritten = text.slice(0, keep) + "- *new*\\n" + text.slice(keep / 2);
                grown.show(rewritten);
                const other = document.createElement("div");
                new MarkdownView(other).show(rewritten);
                if (at.innerHTML !== other.innerHTML) wrong.push([keep, at.innerHTML, other.innerHTML]);
            }}
            return wrong;""")
        self.assertEqual(shown, [])

    def test_blocks_that_are_complete_are_left_alone_and_so_is_a_selection_in_the_last_one(self):
        gates = [self.gate() for _ in range(2)]
        self.ask("hi", [chunk("# Head\n\nOne **two**\n\nThe last", 0), gates[0], chunk(" grows *on*", 29),
                        gates[1], final("# Head\n\nOne **two**\n\nThe last grows *on*.")])
        blocks = "[...document.querySelectorAll('.growing .text > *')]"
        self.page.wait(f"{blocks}.length === 3")
        self.page.evaluate(f"""{{
            window.changed = [];
            const [head, one, last] = window.blocks = {blocks};
            new MutationObserver((records) => changed.push(...records.map(({{ target }}) => target.nodeName)))
                .observe(head.parentNode, {{ childList: true, subtree: true, characterData: true }});
            getSelection().setBaseAndExtent(last.firstChild, 0, last.firstChild, 3);
        }}""")
        gates[0].set()
        self.page.wait("blocks[2].querySelector('em')")
        gates[1].set()
        self.page.wait(IDLE)
        self.assertEqual(self.page.evaluate("blocks[2].textContent"), "The last grows on.")
        self.assertEqual(self.page.evaluate("String(getSelection())"), "The")
        self.assertEqual(set(self.page.evaluate("changed")), {"#text", "P"})
        self.assertEqual(self.page.evaluate("blocks.map((block) => block.isConnected)"), [True] * 3)
        self.assertEqual(self.page.evaluate("blocks.slice(0, 2).map((block) => block.outerHTML)"),
                         ['<h3 class="">Head</h3>', '<p class="">One <strong class="">two</strong></p>'])

    def test_what_is_kept_of_an_answer_is_counted_in_bytes_of_what_the_agent_wrote(self):
        gate = self.gate()
        kept = len("**Crème** 🎉 ".encode())
        self.ask("price", [chunk("**Crème** 🎉 *300* €", 0), chunk("*279* €", kept), gate, final("End")])
        self.page.wait("document.querySelector('.growing em')?.textContent === '279'")
        self.page.wait_for_answer("Crème 🎉 279 €")


class HostileTest(MarkdownTest):
    def assert_harmless(self):
        nodes = self.page.evaluate("""[...document.querySelectorAll('.agent .text *')].map((node) =>
            [node.nodeName, node.getAttributeNames(), node.href ?? null, node.rel ?? null, node.target ?? null])""")
        for name, attributes, href, rel, target in nodes:
            self.assertIn(name, ELEMENTS)
            self.assertLessEqual(set(attributes), ATTRIBUTES)
            if name == "A":
                self.assertRegex(href, "^(https?://|mailto:)")
                self.assertEqual((rel, target), ("noopener noreferrer", "_blank"))
        return nodes

    def test_markup_is_text(self):
        evil = ("<script>alert(1)</script> <img src=x onerror=alert(1)> <b onclick=alert(1)>b</b> <svg/onload=alert(1)> "
                "<a href='javascript:alert(1)'>a</a> </p></div></article> <!-- &lt;script&gt; <style>*{display:none}")
        frames = ["%s", "# %s", "- %s", "> %s", "| %s |\n|---|\n| %s |", "```%s\n%s\n```", "**%s**", "[%s](https://a.b)",
                  "`%s`", "1. > - %s", "![%s](https://a.b/c.png)", "[a](https://a.b \"%s\")"]
        self.answer("\n\n".join(frame.replace("%s", evil) for frame in frames))
        self.assert_harmless()
        self.assertEqual(self.page.evaluate("document.querySelectorAll('.agent .text').length"), 2)
        self.assertGreater(self.page.evaluate(f"""[...document.querySelectorAll('.agent .text')].at(-1)
            .textContent.split({json.dumps(evil)}).length"""), len(frames) - 1)

    def test_only_the_web_and_mail_are_linked(self):
        frames = ["[a](%s)", "[a](<%s>)", "<%s>", "![a](%s)", "%s"]
        self.answer("\n\n".join(frame.replace("%s", address) for frame in frames for address in ADDRESSES))
        links = [href for name, _, href, *_ in self.assert_harmless() if name == "A"]
        self.assertLessEqual(set(links), {"https://evil.example/", "https://a/", "https://a%20b/"})
        self.answer("[a](https://a.b/?x=<y>) [m](mailto:a@b.c) [A](HTTP://A.B/(c))")
        self.assertEqual(self.page.evaluate("[...document.querySelectorAll('.agent:last-of-type a')].map((a) => a.href)"),
                         ["https://a.b/?x=", "mailto:a@b.c", "http://a.b/(c)"])

    def show(self, part, length):
        """Shows a text of that length. Returns how often code of the Markdown modules has run for it, by V8's own count,
        and how deep its elements are nested. Patterns have no steps that are counted: for one that took the square of
        the length nobody here would wait long enough."""
        self.page.call("Profiler.takePreciseCoverage")
        text = f"{json.dumps(BEFORE.get(part, ''))} + {json.dumps(part)}.repeat({length / len(part)})"
        depth = self.run_async(f"""{VIEW}
            new MarkdownView(at).show({text});
            let depth = 0;
            for (let node = at; node; node = node.lastElementChild) depth += 1;
            return depth;""")
        scripts = self.page.call("Profiler.takePreciseCoverage")["result"]
        return sum(block["count"] for script in scripts if "/chat/markdown/" in script["url"]
                   for function in script["functions"] for block in function["ranges"]), depth

    def test_every_text_takes_steps_by_its_length_and_has_a_bounded_depth(self):
        self.page.call("Profiler.enable")
        self.page.call("Profiler.startPreciseCoverage", callCount=True, detailed=True)
        for part in REPEATED:
            with self.subTest(part):
                half, _ = self.show(part, 50_000)
                # The square would be four times as much. At times V8 counts too much, but not thrice for the same text.
                wholes = (self.show(part, 100_000) for _ in range(3))
                self.assertTrue(any(steps < 3 * half and depth < 100 for steps, depth in wholes))

    def test_a_paragraph_has_a_bounded_number_of_parts(self):
        # The browser takes the square of their number for the layout.
        for text in ("`a` " * 20_000, ("[" + "`a` " * 400 + "](https://a.b) ") * 50):
            self.answer(text)
            parts, shown = self.page.evaluate("""[...document.querySelectorAll('.agent .text')].slice(-1)
                .flatMap((body) => [body.querySelectorAll("code").length, body.textContent.length])""")
            self.assertLessEqual(parts, 1000)
            self.assertGreater(shown, len(text) - 4 * 1000)

    def test_an_answer_of_any_length_is_shown_whole(self):
        text = "**a** " * 20_000
        self.answer(text)
        shown = self.page.evaluate("[...document.querySelectorAll('.agent .text')].at(-1).textContent.length")
        self.assertGreater(shown, len(text) - 4 * 100_000 / 6 - 2)


if __name__ == "__main__":
    unittest.main()
