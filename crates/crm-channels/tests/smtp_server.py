"""A real SMTP server (aiosmtpd) for the tests: prints its port, then one JSON line per message."""

import base64
import email
import email.policy
import json
import socket
import sys
from html.parser import HTMLParser

from aiosmtpd.controller import Controller


class Seen(HTMLParser):
    """What a person sees of the HTML, and where its links lead."""

    def __init__(self, html):
        super().__init__()
        self.text = None
        self.tags = set()
        self.links = []
        self.inside = False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag == "p":
            self.text = "" if self.text is None else self.text + "\n\n"
            self.inside = True
        elif tag == "br":
            self.text += "\n"
        elif tag == "a":
            self.links.append(dict(attrs)["href"])

    def handle_endtag(self, tag):
        self.inside &= tag != "p"

    def handle_data(self, data):
        if self.inside:
            self.text += data
        else:
            assert data.isspace(), data


def part(message):
    body = message.get_payload(decode=True)
    seen = {
        "type": message.get_content_type(),
        "charset": message.get_content_charset(),
        "body": base64.b64encode(body).decode("ascii"),
        "defects": [str(defect) for defect in message.defects],
    }
    if message.get_content_type() == "text/html":
        html = Seen(body.decode("utf-8"))
        seen |= {"seen": html.text, "tags": sorted(html.tags), "links": html.links}
    return seen


class Store:
    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.original_content, policy=email.policy.default)
        body = message.get_payload(decode=True) or b""
        line = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "headers": {name: str(value) for name, value in message.items()},
            "from_name": message["From"].addresses[0].display_name,
            "type": message.get_content_type(),
            "charset": message.get_content_charset(),
            "defects": [str(defect) for defect in message.defects],
            "longest": max(len(line) for line in envelope.original_content.split(b"\r\n")),
            "text": body.decode("utf-8"),
            "body": base64.b64encode(body).decode("ascii"),
            "parts": [part(inner) for inner in message.iter_parts()],
            "raw": base64.b64encode(envelope.original_content).decode("ascii"),
        }
        print(json.dumps(line), flush=True)
        return "250 2.0.0 OK"


# The controller connects to its own port to see that it is up, so it must be told a real one.
with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
controller = Controller(Store(), hostname="127.0.0.1", port=port)
controller.start()
print(port, flush=True)
sys.stdin.read()
controller.stop()
