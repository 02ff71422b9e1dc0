"""Verifies a signed message with an independent implementation (dkimpy).

Reads JSON from standard input: "raw" (base64) and "records" (name of a TXT record: its text). Writes one
JSON line: whether the first signature is valid, and which headers it covers.
"""

import base64
import json
import sys

import dkim

asked = json.load(sys.stdin)


def records(name, timeout=5):
    return asked["records"].get(name.decode("ascii").rstrip("."), "").encode("ascii")


message = dkim.DKIM(base64.b64decode(asked["raw"]))
try:
    valid = message.verify(dnsfunc=records)
except dkim.DKIMException as error:
    valid = False
    print(type(error).__name__, error, file=sys.stderr)
fields = message.signature_fields if valid else {}
covered = [name.strip().lower().decode("ascii") for name in fields.get(b"h", b"").split(b":") if name]
print(json.dumps({"valid": valid, "covered": covered}))
