"""A real SMTP server (aiosmtpd) that keeps a ledger: one line per message, written before it says yes.

Argument: the ledger's path. Prints its port. A line is message id, recipient, SHA-256 of the body.
When there is a file of the ledger's name and ".answers", it answers as many as the number in it says and holds
its later answers back until the number grows.
"""

import asyncio
import email
import email.policy
import hashlib
import socket
import sys

from aiosmtpd.controller import Controller

ledger = open(sys.argv[1], "a", encoding="ascii")
taken = 0


def answers():
    try:
        with open(sys.argv[1] + ".answers", encoding="ascii") as file:
            return int(file.read())
    except FileNotFoundError:
        return None


class Store:
    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.original_content, policy=email.policy.default)
        body = hashlib.sha256(message.get_payload(decode=True)).hexdigest()
        for recipient in envelope.rcpt_tos:
            ledger.write(f"{message['X-Crm-Message']} {recipient} {body}\n")
        ledger.flush()
        global taken
        taken += 1
        place = taken
        while (limit := answers()) is not None and limit < place:
            await asyncio.sleep(0.01)
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
