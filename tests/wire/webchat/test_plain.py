# SPDX-License-Identifier: Apache-2.0
"""The chat without scripts, as a plain form and with a text browser where there is one: writing, choices, files, errors in the person's
language, and the answer after a reload."""
import html
import http.client
import json
import os
import re
import subprocess

from look import Office, entries, eventually, run_shared, threads

PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
                    "0000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082")


def wording(lang):
    with open(os.path.join(os.path.join(os.path.dirname(__file__), "..", "..", ".."), "gateway", "chat", "src", "texts", lang + ".json"), encoding="utf-8") as f:
        return json.load(f)["texts"]


class Browser:
    """One without scripts, that keeps cookies."""

    def __init__(self, w, lang):
        self.w, self.lang, self.cookie, self.page = w, lang, None, ""

    def get(self, query=""):
        headers = {"Cookie": self.cookie} if self.cookie else {}
        status, _, data = self.w.d.get(f"/chat/demo/web?lang={self.lang}{query}", headers=headers)
        assert status == 200, status
        self.page = data.decode()
        return self.page

    def field(self, name):
        found = re.search(rf'name="{name}" value="([^"]*)"', self.page)
        return html.unescape(found.group(1)) if found else ""

    def post(self, files=(), **fields):
        fields = {"session": self.field("session"), "ref": self.field("ref"), "lang": self.lang, **fields}
        body, mark = b"", b"----parley-plain"
        for name, value in fields.items():
            body += b'--%s\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (mark, name.encode(), value.encode())
        for name, type, data in files:
            body += b'--%s\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\nContent-Type: %s\r\n\r\n%s\r\n' % (
                mark, name.encode(), type.encode(), data)
        body += b"--" + mark + b"--\r\n"
        headers = {"Content-Type": "multipart/form-data; boundary=" + mark.decode(), **({"Cookie": self.cookie} if self.cookie else {})}
        link = http.client.HTTPConnection("127.0.0.1", self.w.d.port, timeout=20)
        link.request("POST", "/chat/demo/web", body, headers)  # redirects are not followed
        answer = link.getresponse()
        if answer.getheader("Set-Cookie"):
            self.cookie = answer.getheader("Set-Cookie").split(";")[0]
        self.page = answer.read().decode()
        link.close()
        return answer.status


class World:
    async def open(self):
        self.office = await Office().open()
        self.d, self.token = self.office.d, self.office.token
        return self

    async def close(self, failed):
        await self.office.close(failed)

    def thread_of(self, text):
        return next(t for t in threads(self.d, self.token) if any(e.get("text") == text for e in entries(self.d, self.token, t["id"])))

    def answer(self, thread, text, **more):
        status, e = self.d.api("POST", f"threads/{thread['id']}/entries", {"kind": "message", "text": text, **more}, token=self.token)
        assert status == 201, (status, e)
        return e


async def written_answered_and_read_after_a_reload(w):
    b = Browser(w, "ar")
    page = b.get()
    assert 'dir="rtl"' in page and html.escape(wording("ar")["send"]) in page
    b.page = re.sub(r"(?s)<script.*?</script>", "", page)  # it has none
    assert b.post(text="أحتاج مساعدة") in (200, 303)
    page = b.get("&sent=1")
    assert "أحتاج مساعدة" in page and html.escape(wording("ar")["sent_stored"]) in page
    t = w.thread_of("أحتاج مساعدة")
    w.answer(t, "أي يوم؟", choices=[{"id": "d1", "title": "الاثنين"}, {"id": "d2", "title": "الثلاثاء"}])
    page = b.get()
    assert "أي يوم؟" in page and page.count('class="choice"') == 2 and "الثلاثاء" in page
    assert b.post(choice="d2") in (200, 303)  # the button
    e = await eventually(lambda: entries(w.d, w.token, t["id"], "message")[-1])
    assert (e["text"], e.get("choice")) == ("الثلاثاء", "d2"), e
    w.answer(t, "وأين؟", choices=[{"id": "here", "title": "هنا"}, {"id": "there", "title": "هناك"}])
    b.get()
    assert b.post(text="٢") in (200, 303)  # or its number
    e = entries(w.d, w.token, t["id"], "message")[-1]
    assert e.get("choice") == "there", e
    assert 'class="choice"' not in b.get()  # answered


async def files_and_errors_are_told_in_the_persons_language(w):
    for lang in ("ar", "en"):
        b = Browser(w, lang)
        b.get()
        assert b.post(text=f"my card {lang}", files=[("card.png", "image/png", PNG)]) in (200, 303)
        page = b.get()
        assert f"my card {lang}" in page and "card.png" in page and 'class="file"' in page
        link = html.unescape(re.search(r'class="file"[^>]* href="([^"]+)"', page).group(1))
        status, headers, data = w.d.get(link)
        assert status == 200 and data == PNG and "sandbox" in headers["Content-Security-Policy"]
        for wrong in (link[:-1] + ("a" if link[-1] != "a" else "b"), link[:-20]):
            assert w.d.get(wrong)[0] == 404, wrong
        words = wording(lang)
        assert b.post(text="  ") == 400 and html.escape(words["form_empty"]) in b.page
        b.get()
        assert b.post(text="kept as it was", files=[("x.exe", "application/x-msdownload", b"MZ")]) == 415
        assert html.escape(words["form_file"]) in b.page and "kept as it was</textarea>" in b.page
        b.get()
        assert b.post(text="x" * 70000) in (400, 413) and html.escape(words["form_too_long"]) in b.page


async def a_text_browser_shows_it(w):
    b = Browser(w, "en")
    b.get()
    b.post(text="Where do I go?")
    w.answer(w.thread_of("Where do I go?"), "To the blue tent", choices=[{"id": "y", "title": "Thank you"}])
    url = w.d.base + "/chat/demo/web?lang=en"
    shown = subprocess.run(["w3m", "-dump", "-header", "Cookie: " + b.cookie, url], capture_output=True, text=True, timeout=20).stdout
    assert "Where do I go?" in shown and "To the blue tent" in shown and "Thank you" in shown, shown


TESTS = [written_answered_and_read_after_a_reload, files_and_errors_are_told_in_the_persons_language, a_text_browser_shows_it]

if __name__ == "__main__":
    run_shared(World, TESTS)
