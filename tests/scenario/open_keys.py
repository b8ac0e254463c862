#!/usr/bin/env python3
"""open_keys.py KEY.pem: records of lab-iri --json, standard input to
output, with the sealed keys in them opened by a LEMF's key, as docs/PROTOCOL.md
A11 has them, by openssl alone.  A key that does not open, or is another call's,
ends it.  One that has a salt is not sealed and stays as it is.
"""
import json
import subprocess
import sys


def octet_strings(der):
    """Those of a SEQUENCE of OCTET STRINGs, all of them short."""
    if der[0] != 0x30 or der[1] != len(der) - 2 or der[1] > 127:
        sys.exit("what is sealed is no SEQUENCE")
    at, out = 2, []
    while at < len(der):
        if der[at] != 0x04:
            sys.exit("what is sealed has no OCTET STRING")
        out.append(der[at + 2:at + 2 + der[at + 1]])
        at += 2 + der[at + 1]
    return out


def opened(record, key, pem):
    cms = bytes.fromhex(key["sessionKey"])
    run = subprocess.run(
        ["openssl", "cms", "-decrypt", "-binary", "-inform", "DER", "-inkey",
         pem], input=cms, capture_output=True)
    if run.returncode != 0:
        sys.exit("a sealed key does not open: %s" % run.stderr.decode())
    liid, session, tek, salt = octet_strings(run.stdout)
    if (liid.decode(), session.hex()) != (record["liid"],
                                          key["cryptoSessionId"]):
        sys.exit("a sealed key of another call")
    return {**key, "sessionKey": tek.hex(), "salt": salt.hex()}


def main(pem):
    for line in sys.stdin:
        record = json.loads(line)
        record["keys"] = [k if "salt" in k else opened(record, k, pem)
                          for k in record["keys"]]
        print(json.dumps(record))


if __name__ == "__main__":
    main(*sys.argv[1:])
