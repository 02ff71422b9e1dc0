"""A real SMTP server (aiosmtpd) that keeps a ledger: one line per message, written before it says yes.

Argument: the ledger's path. Prints its port. A line is message id, recipient, SHA-256 of the body.
"""

import email
import email.policy
import hashlib
import socket
import sys

from aiosmtpd.controller import Controller

ledger = open(sys.argv[1], "a", encoding="ascii")


class Store:
    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.original_content, policy=email.policy.default)
        body = hashlib.sha256(message.get_payload(decode=True)).hexdigest()
        for recipient in envelope.rcpt_tos:
            ledger.write(f"{message['X-Crm-Message']} {recipient} {body}\n")
        ledger.flush()
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
