"""The status page in a real browser, driven by its own protocol over two pipes (one message each, ended by a NUL).

browser.py CHROMIUM ADDRESS PASSWORD USER [FOLDER]: looks at every page of Hale's at ADDRESS in light and dark, uses the keyboard, has an order
carried out, and ends with an error that says what is wrong. Pictures go to FOLDER, if there is one.
"""

import base64
import json
import os
import subprocess
import sys
import tempfile
import time

CHROMIUM, ADDRESS, PASSWORD, USER = sys.argv[1:5]
FOLDER = sys.argv[5] if len(sys.argv) > 5 else None
PATIENCE = 60
PAGES = ["", "backends", "sites", "moves", "listeners", "events", "users", "user?name=" + USER]

# What a reader would stumble over. Colours are compared as WCAG 2 has it: 4.5 to 1 for text.
AUDIT = r"""
(() => {
  const wrong = [];
  const light = ([r, g, b]) => {
    const part = (it) => { const c = it / 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const colour = (text) => { const all = text.match(/[\d.]+/g).map(Number); return all.length === 4 && all[3] === 0 ? null : all; };
  const ground = (it) => { for (; it; it = it.parentElement) { const c = colour(getComputedStyle(it).backgroundColor); if (c) return c; } return [255, 255, 255]; };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let texts = 0;
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const it = node.parentElement;
    if (!node.data.trim() || it.closest("svg, .unseen, noscript") || !it.getClientRects().length) continue;
    texts += 1;
    const [a, b] = [light(colour(getComputedStyle(it).color)), light(ground(it))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) wrong.push(`contrast ${ratio.toFixed(2)} of "${node.data.trim().slice(0, 40)}"`);
  }
  if (texts < 8) wrong.push(`only ${texts} texts`);
  const heads = [...document.querySelectorAll("h1, h2, h3")].map((it) => Number(it.tagName[1]));
  if (heads.filter((it) => it === 1).length !== 1 || heads[0] !== 1) wrong.push(`headings ${heads}`);
  for (const it of document.querySelectorAll("input:not([type=hidden])")) if (!it.labels.length) wrong.push(`no label: ${it.outerHTML}`);
  for (const it of document.querySelectorAll("table")) if (!it.caption) wrong.push("a table without a caption");
  for (const it of document.querySelectorAll("th")) if (!it.scope) wrong.push("a head without a scope");
  for (const it of document.querySelectorAll("svg")) if (!it.getAttribute("aria-label")) wrong.push("a picture without words");
  for (const it of document.querySelectorAll("[id]")) if (document.querySelectorAll(`[id="${it.id}"]`).length > 1) wrong.push(`id ${it.id} twice`);
  if (!document.title || document.documentElement.lang !== "en") wrong.push("no title, or no language");
  if (document.documentElement.scrollWidth > innerWidth) wrong.push(`wider than the window: ${document.documentElement.scrollWidth} of ${innerWidth}`);
  for (const it of performance.getEntriesByType("resource")) if (new URL(it.name).host !== location.host) wrong.push(`from elsewhere: ${it.name}`);
  return wrong;
})()
"""

# All that can be operated, and where the focus is.
OPERABLE = "[...document.querySelectorAll('a[href], button, input:not([type=hidden]), summary, [tabindex=\"0\"]')].filter((it) => it.checkVisibility()).length"
FOCUSED = """(() => { const it = document.activeElement; if (!it || it === document.body) return null;
  const all = [...document.querySelectorAll('*')]; const style = getComputedStyle(it);
  return { at: all.indexOf(it), tag: it.tagName, text: (it.textContent || '').trim().slice(0, 30), outline: style.outlineStyle !== 'none' }; })()"""


class Browser:
    """A headless Chromium with one page."""

    def __init__(self, profile):
        to_browser, from_us = os.pipe()
        from_browser, to_us = os.pipe()

        def take_pipes():
            # The browser reads from descriptor 3 and writes to 4.
            os.dup2(to_browser, 100)
            os.dup2(to_us, 101)
            os.dup2(100, 3)
            os.dup2(101, 4)

        words = [CHROMIUM, "--remote-debugging-pipe", f"--user-data-dir={profile}", "--no-first-run", "--disable-gpu",
                 "--disable-dev-shm-usage", "--disable-background-networking", "--hide-scrollbars"]
        if os.geteuid() == 0:
            words.append("--no-sandbox")
        self.process = subprocess.Popen(words, preexec_fn=take_pipes, close_fds=False, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(to_us)
        self.write, self.read = from_us, from_browser
        self.last, self.buffer, self.session = 0, b"", None
        self.loaded, self.complaints, self.dialogs = 0, [], 0
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ["Page", "Runtime", "Log", "Network"]:
            self.ask(domain + ".enable")

    def message(self):
        while b"\0" not in self.buffer:
            more = os.read(self.read, 1 << 20)
            if not more:
                sys.exit("the browser has ended")
            self.buffer += more
        text, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(text)

    def ask(self, method, **parameters):
        self.last += 1
        message = {"id": self.last, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.message()
            if answer.get("id") == self.last:
                if "error" in answer:
                    sys.exit(f"{method}: {answer['error']}")
                return answer["result"]
            self.note(answer)

    def note(self, event):
        method, parameters = event.get("method"), event.get("params", {})
        if method == "Page.loadEventFired":
            self.loaded += 1
        elif method == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
            self.complaints.append(str(parameters["entry"].get("text")) + " " + str(parameters["entry"].get("url")))
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(str(parameters["exceptionDetails"].get("text")))
        elif method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning", "assert"):
            self.complaints.append(str([it.get("value") for it in parameters["args"]]))

    def value(self, expression):
        result = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            sys.exit(f"{expression[:60]}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def wait_for(self, what, probe):
        until = time.monotonic() + PATIENCE
        while True:
            found = probe()
            if found:
                return found
            if time.monotonic() > until:
                sys.exit(f"still waiting: {what}; complaints: {self.complaints}")
            # The browser answers a question in a millisecond; it is asked no faster than it can draw.
            self.value("new Promise((done) => setTimeout(done, 50))")

    def settle(self, before):
        until = time.monotonic() + PATIENCE
        while self.loaded == before:
            if time.monotonic() > until:
                sys.exit("a page is not loaded in time")
            self.note(self.message())

    def go(self, address):
        before = self.loaded
        failed = self.ask("Page.navigate", url=address).get("errorText")
        if failed:
            sys.exit(f"{address}: {failed}")
        self.settle(before)

    def press(self, key, code):
        for kind in ["rawKeyDown", "keyUp"]:
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    def scheme(self, name):
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def window(self, width, height):
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def picture(self, name):
        if FOLDER:
            data = self.ask("Page.captureScreenshot", captureBeyondViewport=True)["data"]
            with open(os.path.join(FOLDER, name + ".png"), "wb") as file:
                file.write(base64.b64decode(data))


def look(browser):
    """Every page in both schemes and in a narrow window."""
    wrong = []
    for page in PAGES:
        name = page.split("?")[0] or "overview"
        for scheme in ["light", "dark"]:
            browser.window(1280, 900)
            browser.scheme(scheme)
            browser.go(ADDRESS + "/" + page)
            wrong += [f"{name}, {scheme}: {it}" for it in browser.value(AUDIT)]
            browser.picture(f"{name}-{scheme}")
        browser.window(390, 800)
        wrong += [f"{name}, narrow: {it}" for it in browser.value(AUDIT)]
        browser.picture(f"{name}-narrow")
    browser.window(1280, 900)
    grounds = set()
    for scheme in ["light", "dark"]:
        browser.scheme(scheme)
        grounds.add(browser.value("getComputedStyle(document.body).backgroundColor"))
    if len(grounds) != 2:
        wrong.append("dark is as light")
    browser.scheme("light")
    return wrong


def use_keyboard(browser):
    """Everything that can be operated is reached by the tabulator, and seen to be."""
    wrong = []
    for page in ["", "backends", "user?name=" + USER]:
        browser.go(ADDRESS + "/" + page)
        operable, seen = browser.value(OPERABLE), []
        for _ in range(operable + 2):
            browser.press("Tab", 9)
            focused = browser.value(FOCUSED)
            if focused is None or any(it["at"] == focused["at"] for it in seen):
                break
            seen.append(focused)
        if len(seen) < operable:
            wrong.append(f"/{page}: {len(seen)} of {operable} reached: {[it['text'] for it in seen]}")
        if not seen or not seen[0]["text"].startswith("Skip"):
            wrong.append(f"/{page}: the way to the content is not the first")
        wrong += [f"/{page}: focus is not seen on {it['tag']} {it['text']}" for it in seen if not it["outline"]]
    return wrong


def watch(browser):
    """The page is shown anew by itself, and stands still when it is told to."""
    browser.go(ADDRESS + "/")
    browser.value("window.stayed = true")
    time_of = "document.querySelector('#made time').textContent"
    first = browser.value(time_of)
    browser.wait_for("the page is shown anew", lambda: browser.value(time_of) != first)
    wrong = [] if browser.value("window.stayed") else ["the page was loaded instead of shown anew"]
    browser.value("document.querySelector('#made button').click()")
    if browser.value("document.querySelector('#made button').textContent") != "Resume updates":
        wrong.append("the page cannot be told to stand still")
    return wrong


def order(browser):
    """A backend is set to standby by the keyboard, with a reason."""
    browser.go(ADDRESS + "/backends")
    browser.value("[...document.querySelectorAll('tr')].find((it) => it.textContent.includes('be2')).querySelector('summary').focus()")
    browser.press("Enter", 13)
    browser.ask("Input.dispatchKeyEvent", type="char", text="\r")
    browser.wait_for("the order is open", lambda: browser.value("document.querySelector('details[open] form') !== null"))
    browser.press("Tab", 9)
    browser.ask("Input.insertText", text="disks & \"fans\"")
    browser.picture("order-light")
    before = browser.loaded
    browser.value("document.querySelector('details[open] button').click()")
    browser.settle(before)
    said = browser.value("document.querySelector('main').textContent")
    browser.picture("done-light")
    browser.go(ADDRESS + "/backends")
    row = browser.value("[...document.querySelectorAll('tr')].find((it) => it.textContent.includes('be2')).textContent")
    good = "Done." in said and "standby" in row and 'disks & "fans" (doveadm)' in row
    return [] if good else [f"the order is not carried out: {said} / {row}"]


def inject(browser):
    """What would be markup in a name is text; a script that stands in the page itself is not run. The browser complains of that one."""
    browser.go(ADDRESS + "/user?name=" + "%3Cimg%20src%3Dx%20onerror%3D%22window.hacked%3D1%22%3E")
    said = browser.value("document.querySelector('main').textContent")
    wrong = [] if "onerror" in browser.value("document.querySelector('#asked').value") else ["the name is not shown as it is: " + said]
    wrong += browser.complaints
    browser.value("document.body.append(Object.assign(document.createElement('script'), { text: 'window.hacked = 1' }))")
    if browser.value("typeof window.hacked") != "undefined":
        wrong.append("a script that is none of ours was run")
    return wrong


def main():
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(profile)
        try:
            # As a browser that has been asked for the password: from then on it shows it by itself.
            browser.go(ADDRESS.replace("://", f"://doveadm:{PASSWORD}@") + "/")
            wrong = watch(browser) + look(browser) + use_keyboard(browser) + order(browser) + inject(browser)
        finally:
            browser.process.kill()
            browser.process.wait()
    if wrong:
        sys.exit("\n".join(wrong))
    print(len(PAGES), "pages")


main()
