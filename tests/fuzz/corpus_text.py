"""Seeds of make-corpus.py that are texts: requests, times, configuration,
SIP."""
import json

from corpus_wire import u8, unhex

WARRANT = {
    "liid": "LI-2026-0001", "reference": "court 12/2026", "agency": "police",
    "targets": [{"identities": ["sip:alice@example.com", "tel:+15550100"],
                 "xids": ["00112233-4455-6677-8899-aabbccddeeff"]},
                {"identities": ["sips:b@[2001:db8::1]:5070"]}],
    "period": {"start": "2026-02-01T00:00:00Z", "end": "2026-03-01T00:00:00Z",
               "graceAfterEnd": 7200, "callsBefore": "2026-01-15T00:00:00Z"},
    "clients": ["df2-east", "df2-west"], "products": ["keys", "sip"],
    "delivery": ["xk", "hi2"], "lemfs": ["lemf-1"], "test": False}
NAME = "0f" * 32  # a warrant's

# The kinds of requests in their order, and a body of each.
BODIES = [
    ("warrant.add", WARRANT),
    ("warrant.extend", {"warrant": NAME, "end": "2026-04-01T00:00:00Z"}),
    ("warrant.end", {"warrant": NAME, "end": "2026-02-02T00:00:00Z",
                     "reason": "\"over\"\n"}),
    ("warrant.suspend", {"warrant": NAME, "reason": "stra\u00dfe"}),
    ("warrant.resume", {"warrant": NAME}),
    ("warrant.revoke", {"warrant": NAME, "reason": ""}),
    ("person.add", {"name": "meyer", "role": "officer",
                    "certificate": "Zm9v"}),
    ("person.remove", {"name": "meyer", "voidSignatures": True,
                       "reason": "left"}),
    ("person.certificate", {"name": "meyer", "certificate": "Zm9vYg=="}),
    ("client.add", {"name": "df2", "certificate": "Zm9vYmE="}),
    ("client.remove", {"name": "df2", "reason": "gone"}),
    ("config.set", {"text": "xk {\n\tlisten = \"[::]:1\"\n}"}),
    ("subscriber.add", {"identity": "sip:bob", "devices": ["sip:a", "tel:+1"],
                        "label": "bGFiZWw=", "certificate": "Zm9v",
                        "wrappedSeed": "c2VlZA==", "test": True}),
    ("subscriber.devices", {"identity": "sip:bob", "devices": [],
                            "record": 7}),
    ("subscriber.remove", {"identity": "sip:bob", "record": 4194304}),
    ("clock.accept", {"time": "2026-01-31T12:00:00Z", "reason": "battery"}),
    ("lemf.add", {"name": "north", "certificate": "Zm9vYmE="}),
    ("lemf.remove", {"name": "north", "reason": "gone"})]


def warrants():
    for name in WARRANT:
        yield {k: v for k, v in WARRANT.items() if k != name}
    for change in ({"liid": "L" * 26}, {"liid": "with blank"},
                   {"liid": "f\u00fcr"}, {"reference": 7}, {"more": []},
                   {"clients": []}, {"clients": ["a", "a"]},
                   {"clients": ["n" * 65]}, {"delivery": ["hi2"], "lemfs": []},
                   {"products": ["sip"]}, {"products": ["x"]},
                   {"products": ["secrets", "ecValues"]}, {"targets": []},
                   {"targets": [{"identities": ["sip:*@example.com"]}]},
                   {"targets": [{"identities": ["sip:a"], "xids": ["0-"]}]},
                   {"targets": 2 * [{"identities": ["sip:a"]}]}):
        yield {**WARRANT, **change}
    for change in ({"graceAfterEnd": -1}, {"graceAfterEnd": 604800},
                   {"graceAfterEnd": 604801}, {"graceAfterEnd": 1e3},
                   {"graceAfterEnd": 10**30}, {"end": "2026-02-01T00:00:00Z"},
                   {"callsBefore": "2026-02-01T00:00:01Z"}, {"more": 0}):
        yield {**WARRANT, "period": {**WARRANT["period"], **change}}


WRONG = (7, "", [], "x y", {"x": 1}, ["", ""], "sip:" + 260 * "x", 2 * [None])


def wrong_members(document):
    """Each member of it, and of objects in it, of another kind or empty."""
    for name, value in document.items():
        for wrong in WRONG:
            yield {**document, name: wrong}
        if isinstance(value, dict):
            for inner in wrong_members(value):
                yield {**document, name: inner}
    yield {**document, "more": 0}


def targets():
    for one in IDENTITIES:
        yield [{"identities": [one]}]
    xid = "00112233-4455-6677-8899-aabbccddee"
    for a, b in (("00", "01"), ("00", "00"), ("0x", "01"), ("", "00")):
        yield [{"identities": ["sip:%d" % i], "xids": [xid + x]}
               for i, x in enumerate((a, b))]
    for wrong in wrong_members(WARRANT["targets"][0]):
        yield [wrong]
    yield [{"identities": ["sip:%d" % i]} for i in range(300)]


def canonical(document):
    return json.dumps(document, sort_keys=True, separators=(",", ":"),
                      ensure_ascii=False).encode()


def request(kind, body, /, **more):
    return canonical({
        "keywarden": "request", "version": 1, "kind": kind, "body": body,
        "nonce": "00" * 16, "issued": "2026-01-31T12:00:00Z",
        "expires": "2026-02-01T12:00:00Z", "policyVersion": 3,
        "kms": "kms.example.com", "requester": "santos", **more})


def requests():
    """u8 kind and a body, or u8 255 and a whole request or rejection."""
    for n, (kind, body) in enumerate(BODIES):
        yield u8(n) + json.dumps(body, indent=1).encode()
        yield b"\xff" + request(kind, body)
        if n > 0:
            for name in body:
                yield u8(n) + canonical(
                    {k: v for k, v in body.items() if k != name})
        for wrong in wrong_members(body):
            yield u8(n) + canonical(wrong)
    for w in warrants():
        yield b"\0" + canonical(w)
    for t in targets():
        yield b"\0" + canonical({**WARRANT, "targets": t})
    for one in IDENTITIES:
        for body in ({"identity": one, "devices": []},
                     {"identity": "sip:b", "devices": [one]}):
            yield u8(13) + canonical({**body, "record": 7})
    yield u8(13) + canonical({"identity": "sip:b", "devices": ["sip:b"],
                              "record": 7})
    yield u8(11) + canonical({"text": 16385 * "#"})
    yield b"\xff" + 70000 * b" "
    yield b"\xff " + request("clock.accept", dict(BODIES)["clock.accept"])
    for body in wrong_members(json.loads(request("warrant.resume",
                                                 {"warrant": NAME}))):
        yield b"\xff" + canonical(body)
    for more in ({"version": 2}, {"kind": "x"}, {"nonce": "0F" * 16},
                 {"policyVersion": -1}, {"kms": "a b"}, {"more": 0},
                 {"expires": "2026-03-31T12:00:00Z"}):
        yield b"\xff" + request("warrant.resume", {"warrant": NAME}, **more)
    yield b"\xff" + request("config.set", {"text": ',"expires":"'})
    good = {"keywarden": "rejection", "version": 1, "request": NAME,
            "person": "meyer", "reason": "no"}
    yield b"\xff" + canonical(good)
    yield b"\xff " + canonical(good)
    for wrong in wrong_members(good):
        yield b"\xff" + canonical(wrong)
    for name in good:
        yield b"\xff" + canonical(
            {k: v for k, v in good.items() if k != name})


IDENTITIES = ["sip:alice@example.com", "sips:b@[2001:db8::1]:5070",
              "tel:+15550100", "tel:+", "tel:15550100", "tel:+155501001234567",
              "tel:+1555010012345678", "sip:", "sip:a;user=phone", "sip:a?b=c",
              "sip:*@example.com", "sips:", "mailto:a@b", "sip:a b", "",
              "sip:" + 251 * "x", "sip:" + 252 * "x", "sip:a\0b", "tel:+1\x7f"]

TIMES = ["2026-01-31T12:00:00Z", "2024-02-29T23:59:59Z",
         "2023-02-29T00:00:00Z", "1970-01-01T00:00:00Z",
         "9999-12-31T23:59:59Z", "1969-12-31T23:59:59Z",
         "2026-01-31T12:00:60Z", "2026-01-31T24:00:00Z", "2026-13-01T00:00:00Z",
         "2026-01-31 12:00:00Z", "2026-01-31T12:00:00z", ""]

LEMF = 'lemf a { address = "h:1" name = l server_ca = /ca '
BAD_NUMBERS = [
    "xk { handshake_seconds = 0 }\n", "token { job_seconds = 0 }\n",
    "audit { chunk_mib = 0 }\n", "audit { most_mib = -1 }\n",
    *("log_level = %s\n" % w for w in ("info", "warning", "error", "x")),
    'token { label = "" }\n', "x2 { wait_ms = 1 }\n", "x2 { listen = {" +
    ",".join(9 * ['"a:1"']) + "} }\n", "xk { listen = {" +
    ",".join(9 * ['"a:1"']) + "} }\n",
    'x2 { listen = {"a:1"} } xkc { address = "' + 300 * "a" + '" }\n',
    'x2 { listen = {"a:1"} } xkc { address = "a:1" name = ' + 300 * "a" + "}\n",
    LEMF + "dead_seconds = 1 answer_seconds = 5 }\n",
    LEMF + "keep_alive_seconds = 0 }\n", LEMF + "answer_seconds = 0 }\n",
    LEMF + "certificate = /c }\n", LEMF + "hash = md5 }\n",
    LEMF + "pin = {" + ",".join(17 * ['"sha256:' + 64 * "0" + '"']) + "} }\n",
    "#\0\n", "state_dir = /a\nstate_dir = \n}\n"]

CONFIGS = ["", "# nothing\n", """
state_dir = "/var/lib/keywarden"
control_socket = "/run/keywarden/control"
log_level = "debug"
xk {
  listen = {"192.0.2.1:7300", "[2001:db8::1]:7300"}
  certificate = "/etc/keywarden/xk.pem"
  key = "/etc/keywarden/xk.key"
  client_ca = "/etc/keywarden/ca.pem"
  max_connections = 64
  idle_seconds = 120
}
token {
  module = "/usr/lib/softhsm/libsofthsm2.so"
  label = "keywarden"
  pin_file = "/etc/keywarden/pin"
  workers = 2
  environment = {"SOFTHSM2_CONF=/x"}
}
kms { scheme = "ss512" uri = "kms.example.com" period = "week" }
audit { chunk_mib = 8 most_mib = 1024 }
""", 'client "a" { }\n', 'client "a" {certificate="x"}\nclient "a" {}\n',
    "xk { listen = {} }\n", "xk { max_queued = 1 }\n", "token { workers = 0 }",
    'token { environment = {"novalue"} }', 'state_dir = "relative"\n',
    "audit { chunk_mib = 99999999999999999999 }\n", "xk {\n",
    'token { label = "' + 33 * "x" + '" }\n', "unknown = 1\n",
    "/* comment */ // more\n# and\n", "xk { listen += {\"x\"} }\n",
    'state_dir = "${NOTSET:-/x}"\n', "state_dir = '/single'\n",
    'client "" {certificate="x"}\n', "log_level = {a, b}\n",
    "".join("client c%d{}\n" % i for i in range(257)),
    "token { environment = {" + ",".join(['"A=b"'] * 17) + "} }\n", """
x2 {
  listen = {"192.0.2.1:7400"}
  certificate = "/etc/keywarden/x2.pem"
  key = "/etc/keywarden/x2.key"
  client_ca = "/etc/keywarden/cscf.pem"
  max_calls = 1000
  wait_ms = 100
}
lemf "police" { profile = "etsi" form = "ps" operator_id = "" }
lemf court { interception_point = "ip" }
kms { uri = "kms.example.com" }
""", """
x2 { listen = {"a:1"} }
hi2 { certificate = /c.pem key = /c.key }
lemf a {
  address = "192.0.2.7:35530" name = l.example server_ca = /ca crl = /crl
  pin = {"sha256:""" + 32 * "0f" + """"} tls = "1.2" acknowledge = sent
  keep_alive_seconds = 0 integrity = signature hash = sha512 queue_mib = 5
}
lemf b { address = "[::1]:1" pin = {"sha256:""" + 32 * "F0" + """"} }
kms { uri = u }
""", "lemf a { address = x }\n", *BAD_NUMBERS, "x2 { listen = {} max_mib = 0 }\n", "lemf a {}\nlemf b {}\nlemf a {}\n",
    'lemf "" {}\n', "lemf a { form = " + 256 * "f" + " }\n",
    "".join("lemf l%d {}\n" % i for i in range(65))]


def sips(exchanges):
    for e in exchanges:
        for m in e.get("sip", {}).get("messages", []):
            yield unhex(m["hex"])
    head = b"INVITE sip:b@example.net SIP/2.0\r\n" \
        b"Via: SIP/2.0/UDP h;branch=z\r\n" \
        b"From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: 1@h\r\n" \
        b"CSeq: 1 INVITE\r\nContent-Type: application/sdp\r\n"
    sdp = b"v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nt=0 0\r\n"
    for lines in (b"a=key-mgmt:mikey AAAA\r\n",
                  b"a=key-mgmt:mikey AA==\r\na=key-mgmt:mikey AA==\r\n",
                  b"a=key-mgmt:mikey A===\r\n", b"a=key-mgmt:MIKEY AAAA\r\n",
                  b"m=audio 1 RTP/SAVP 0\r\na=key-mgmt:mikey  AAAA \r\n",
                  b"a=key-mgmt:mikey AAAA\r\nm=audio 1/2 RTP/SAVP\n",
                  b"".join(b"a=key-mgmt:mikey AAA%c\r\n" % c
                           for c in b"ABCDEFGHIJKLMNOPQR"), b""):
        body = sdp + lines
        yield head + b"Content-Length: %d\r\n\r\n" % len(body) + body
        yield head + b"Content-Length: %d\r\n\r\n" % (len(body) + 1) + body
    part = b"--b\r\nContent-Type: application/sdp\r\n\r\n" + sdp + \
        b"a=key-mgmt:mikey AAAA\r\n\r\n--b--\r\n"
    yield head.replace(b"application/sdp", b"multipart/mixed;boundary=b") + \
        b"Content-Length: %d\r\n\r\n" % len(part) + part
    yield b"SIP/2.0 200 OK\nCall-ID: x\n\n"
    for was, new in (
            (b"1@h", 300 * b"c"), (b"1@h", b"@"), (b"Call-ID: 1@h\r\n", b""),
            (b"CSeq: 1 INVITE\r\n", b""), (b"1 INVITE", b"x INVITE"),
            (b"1 INVITE", b"4294967296 INVITE"), (b"1 INVITE", b"1x INVITE"),
            (b"INVITE sip:b@example.net SIP/2.0", b"SIP/2.0 99 X"),
            (b"INVITE sip:b@example.net SIP/2.0", b"SIP/2.0 700 X"),
            (b"branch=z", b"branch=\0"), (b"INVITE", b"\r\n\nINVITE"),
            (b"\r\n", b"\n"), (b"\r\n", b"\r"), (b"Via", b"Via:;\r\nVia"),
            (b"branch=z", b"branch=z" + 1100 * b";a"),
            (b"Call-ID:", b"Call-ID \t:"), (b"CSeq:", b"CSeq :\r\n "),
            (b"Call-ID: 1@h", b"l:\t5\r\nContent-Length x: 4\r\ni: 1@h"),
            (b"INVITE", b"12345")):
        yield head.replace(was, new) + b"\r\n" + sdp + b"a=key-mgmt:mikey AA"
    for lines in (b"x", b"a\r\n", b"a=key-mgmt:mikey A\0AA\r\n",
                  b"a=key-mgmt:mikey ====\r\n", b"a=key-mgmt:mikey \r\n",
                  b"a=key-mgmt:mikey [[[[\r\n", b"=\r\n\r\nb=key-mgmt:\r\n",
                  b"a=key-mgmt:mikey " + 6000 * b"AAAA" + b"\r\n"):
        yield head + b"\r\n" + lines + sdp + b"a=key-mgmt:mikey AAAB"


def iri(options, event, sip, profile=0, seconds=1700000000, nano=123456789,
        liid=b"L-1", targets=(b"sip:a@x", b"tel:+1"), keys=0, initiator=1):
    """An input of fuzz_iri."""
    def view(octets):
        return bytes([len(octets)]) + octets
    out = bytes([profile, len(options)])
    for name, value in options:
        out += view(name.encode()) + view(value.encode())
    out += bytes([event, initiator])
    for number in (300, seconds, nano):
        out += (number & (1 << 64) - 1).to_bytes(8, "big")
    out += view(bytes(range(8))) + view(liid) + bytes([len(targets)])
    for target in targets:
        out += view(target)
    return out + bytes([keys]) + b"k" * keys + len(sip).to_bytes(2, "big") + sip


def iris():
    operator = [("operator_id", "OP")]
    for profile in range(4):
        for event in range(4):
            yield iri(operator, event, b"INVITE", profile,
                      keys=2 if event == 0 else 0)
    for name, values in (
            ("form", ("content", "parameters", "0")),
            ("ps_version", ("40", "43", "41")),
            ("hi2_domain", ("r15v5", "r16v1", "r16")),
            ("header_time", ("generalized", "microsecond", "both", "none")),
            ("umts_time", ("utc", "gmt")),
            ("time_qualifier", ("", "unknown", "aggregation", "no")),
            ("authorization_country", ("DE", "", "d")),
            ("delivery_country", ("NL", "", "N1")),
            ("operator_id", ("0123456789abcdef", "0123456789abcdefg", "")),
            ("alt_operator_id", ("12345", "123456")),
            ("network_element_id", ("7", "a b")),
            ("interception_point", ("p 1", "a_b")), ("other", ("1",))):
        for value in values:
            yield iri(operator + [(name, value)], 2, b"SIP")
    for seconds in (0, -1, 951782400, 2524608000, 253402300799, 253402300800):
        for umts in "local", "utc":
            yield iri(operator + [("umts_time", umts)], 1, b"",
                      seconds=seconds, nano=1000000)
    yield iri(operator, 0, b"s" * 300, keys=255, targets=[b"SIPS:a"] * 12)
    yield iri(operator, 2, b"", targets=[])
    yield iri(operator, 2, b"S", liid=b"l" * 26, nano=1000000000)
    yield iri(operator, 2, b"S", targets=[b"http://x"], initiator=3)
