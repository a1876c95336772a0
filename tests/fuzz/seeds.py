"""Seeds of the fuzz targets: the recordings and the fixtures of the tests, in each target's own form."""

import hashlib
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"

# What a piece of a session is: the client, and how its bytes are sent (see entries/session.rs).
RAW, SPLIT, WIDE, RECONNECT = 4, 8, 16, 3


def fixture(name):
    return (TESTS / name).read_bytes()


def recordings():
    """Session, client and body of each request that is written out."""
    for line in fixture("fixtures/recordings.jsonl").decode().splitlines():
        entry = json.loads(line)
        sent = entry["send"]
        if isinstance(sent, str) and re.fullmatch("([0-9a-f]{2})+", sent) and len(sent) <= 2000:
            yield entry["session"], entry["group"], entry["client"], bytes.fromhex(sent), entry["recv"]


def received():
    """Bodies of the daemon's frames."""
    for *_, frames in recordings():
        for frame in frames:
            code = bytes([int(frame["cmd"], 16)])
            if "hex" in frame:
                yield code + bytes.fromhex(frame["hex"])
            elif "json" in frame:
                yield code + json.dumps(frame["json"], separators=(",", ":")).encode()


def framed(body):
    return len(body).to_bytes(4, "big") + body


def piece(client, body, manner=0):
    if len(body) > 255:
        return bytes([client | manner | WIDE]) + len(body).to_bytes(2, "big") + body
    return bytes([client | manner, len(body)]) + body


def sessions():
    groups = {}
    for session, group, client, body, _ in recordings():
        groups.setdefault((session, group), []).append((client, body))
    for requests in groups.values():
        for settings in range(8):
            out, clients = bytes([settings]), []
            for client, body in requests[:60]:
                if client not in clients:
                    clients.append(client)
                number = clients.index(client) % 3
                if settings & 2:
                    # All of them at each of the three, in turn, so that streams and ports meet.
                    number = len(out) % 3
                out += piece(number, body, SPLIT if settings & 4 else 0)
            yield out[:4096]
            if settings == 0:
                raw = b"".join(framed(body) for _, body in requests[:40])
                yield bytes([settings]) + piece(0, raw[:3000], RAW)
    # Streams between clients: bound, dialled, filled, closed from either end, left behind.
    own = bytes.fromhex("00000000123456780050")[2:]
    bind, dial, close = b"\x01\0\x50", b"\x03\0\0\x12\x34\x56\x78\0\x50", b"\x08\0\0\0\x01"
    for ending in [piece(0, close), piece(1, close), bytes([RECONNECT, 0]), bytes([RECONNECT | 4, 0]), b""]:
        for settings in (0, 1, 2, 3):
            yield (bytes([settings]) + piece(0, bind) + piece(1, dial) + piece(1, b"\x06\0\0\0\x01" + own * 20)
                   + piece(0, b"\x06\0\0\0\x02" + own * 20) + ending + piece(0, b"\x0d") + piece(2, bind))
    yield b"\0" + piece(0, b"\0\x10\0\x01", RAW) + piece(1, b"\0\0\0\x05\x01", RAW) + piece(2, b"\0" * 9, RAW)


def frames():
    bodies = [body for *_, body, _ in recordings()]
    for at in range(0, len(bodies), 8):
        yield bytes([3, 1, 7, 255]) + b"".join(map(framed, bodies[at:at + 8]))
    for length in (1, 8188, 8189, 65536, 1 << 20, (1 << 20) + 1, 0xFFFFFFFF):
        yield bytes([0x82, 0, 250]) + framed(b"\x0d") + length.to_bytes(4, "big") + b"\x06abc"


def decode():
    requests = [body for *_, body, _ in recordings()]
    replies = list(received())
    for flags, bodies in ((0, requests), (4, requests), (2, replies), (14, replies)):
        for at in range(0, len(bodies), 12):
            some = b"".join(map(framed, bodies[at:at + 12]))
            yield bytes([flags]) + some
            if at % 48 == 0:
                yield bytes([flags | 1]) + some.hex(" ").encode()


def scenarios():
    yield fixture("../src/scenario/read/tests/whole.json")
    yield fixture("fuzz/entries/world.json")
    for path in sorted(TESTS.rglob("*.json")):
        yield path.read_bytes()
    text = fixture("../src/scenario/FORMAT.md").decode() + fixture("../README.md").decode()
    for block in re.findall(r"```json\n(.*?)```", text, re.S):
        yield block.encode()
    for line in fixture("../src/scenario/FORMAT.md").decode().splitlines():
        row = re.search(r"\| `(\".*)` \|$", line)
        if row:
            member = row[1].replace("\\|", "|")
            yield f"{{{member}}}".encode()
            yield f'{{"rules":[{{"on":"dial",{member}}}]}}'.encode()
            yield f'{{"peers":[{{"node_id":2,{member}}}]}}'.encode()
            yield f'{{"timeline":[{{"at":"1ms","push":[{{{member}}}]}}]}}'.encode()
    for line in fixture("../src/scenario/read/tests/mistakes.txt").decode().splitlines():
        if line.startswith("{"):
            yield line.encode()
    yield b'{"rules":[{"name":"a","on":"dial"}]}\0{"rules":[{"name":"b","on":"bind"}],"seed":3}'


def control():
    push = '{"recv_from":{"from":"0:0000.0000.0002:5","to_port":9,"data":"x"}}'
    lines = [
        '{"verb":"ping"}', '{"verb":"state"}', '{"verb":"clients"}', '{"verb":"rules"}', '{"verb":"verify"}',
        '{"verb":"rule_add","rule":{"on":"info","times":1,"fault":{"truncate":7}}}',
        '{"verb":"rule_add","scoped":true,"rule":{"name":"r","on":["dial","bind"],"error":"no"}}',
        '{"verb":"rule_add","rule":{"on":"*","delay":{"min":"1ms","max":"2ms"},"patch":{"a":1}}}',
        '{"verb":"rule_remove","name":"r"}', f'{{"verb":"push","push":{push}}}',
        f'{{"verb":"push","push":[{push},{{"accept":{{"port":80,"say":"hi"}}}}]}}',
        '{"verb":"push","push":{"close":{"conn":"last"},"after":"1ms","to":"all"}}',
        '{"verb":"push","push":{"peer":{"node_id":2,"does":"handshake"}}}',
        '{"verb":"await","on":"info","timeout":"0s"}',
        '{"verb":"await","on":"dial","when":{"port":{"min":80}},"count":1,"timeout":"1ms","since":0}',
        '{"verb":"expect","expect":{"on":"dial","when":{"port":81},"times":{"min":1,"max":3}}}',
        '{"verb":"expect","expect":{"in_order":[{"on":"bind"},{"on":"dial"}]}}',
        '{"verb":"reset"}', '{"verb":"drop","client":1}', '{"verb":"drop","client":"all"}',
        '{"verb":"journal","since":2}', '{"verb":"journal"}', '{"verb":"stop"}',
    ]
    for line in lines:
        yield line.encode() + b"\n"
    yield "\n".join(lines).encode()
    yield "\n".join(lines[::-1]).encode()


def jsons():
    for code in received():
        if code[1:2] in (b"{", b"["):
            yield code[1:]
    for *_, body, _ in recordings():
        start = min((at for at in map(body.find, (b"{", b"[")) if at > 0), default=0)
        if start:
            yield body[start:]
    yield b'["\\ud83d\\ude00\\ud800 \\u0000\xff", 1e999, -0.0, 18446744073709551616, 1E-7]'
    yield b'{"envelope":"a","MAX_SKEW_SECS":1.5,"check_standing":true,"x":{"y":[null,false]}}'


def policies():
    for *_, body, _ in recordings():
        if body[:3] == b"\x23\x05\x01":
            yield body[7 + int.from_bytes(body[5:7], "big"):]
    for name in ("expr/parse.rs", "expr/check.rs", "expr/eval.rs", "expr/lex.rs", "expr/mod.rs", "mod.rs"):
        text = fixture(f"../src/policy/{name}").decode()
        for literal in re.findall(r'"((?:[^"\\\n]|\\.)+)"', text):
            yield literal.replace('\\"', '"').encode()
    yield b"port in [80, 443] and not has_tag(peer_tags, 'ci') or (size > duration('1m') ? true : false)"


def urls():
    for *_, body, _ in recordings():
        if body[0] == 0x1B:
            yield body[1:]
    yield b"https://user:pa%20ss@[fe80::1%25eth0]:8080/a%2Fb?c=d#e%zz"


def coverage(pattern):
    for path in sorted((TESTS / "cover/fixtures").glob(pattern)):
        yield path.read_bytes()


def tracefiles():
    yield from coverage("*.info")
    yield (b"# lcov 2\nSF:/x y,z.c\r\nVER:1\nFNL:0,3\nFNL:7,9,20\nFNA:0,2,f(int, char)\nFNA:7,5,g\nBRDA:4,0,0,-\n"
           b"BRDA:4,e0,a < b,1\nMCDC:4,2,t,1,0,x\nFN:3,9,h\nFNDA:1,h\nDA:3,1,sum\nDA:5,18446744073709551615\n"
           b"LF:2\nBA:1,2\nend_of_record\n")


def with_counters():
    for folder in ("one", "two", "set"):
        meta = next(coverage(f"{folder}/covmeta.*"))
        yield meta
        for counters in coverage(f"{folder}/covcounters.*"):
            yield meta + counters


def merged():
    texts = list(coverage("*.textfmt")) + list(tracefiles())
    for one in texts:
        for other in texts:
            yield one + b"\0" + other


def globs():
    for glob in ("*.go", "**/*_test.go", "a/**", "**", "a?c/*", "**/b/**/c", "***/x", "a**b"):
        for path in ("a/b/c", "x/a_test.go", "abc/d", "/", "a.go", "b/c"):
            yield glob.encode() + b"\0" + path.encode()


SEEDS = {
    "control": control,
    "cover_globs": globs,
    "cover_merge": merged,
    "decode": decode,
    "frames": frames,
    "go_counters": with_counters,
    "go_directory": with_counters,
    "go_meta": lambda: coverage("*/covmeta.*"),
    "go_source": lambda: (path.read_bytes() for path in sorted((TESTS / "cover").rglob("*.go"))),
    "go_text": lambda: coverage("*.textfmt"),
    "json": jsons,
    "lcov": tracefiles,
    "policy": policies,
    "requests": lambda: [*(body for *_, body, _ in recordings()), *received()],
    "scenario": scenarios,
    "session": sessions,
    "url": urls,
}


def rust_words(name):
    """What stands between quotes in a source file of the crate, as far as a dictionary can hold it."""
    return re.findall(r'"([A-Za-z_][\w.]{1,30})"', fixture(f"../src/{name}").decode())


def scenario_words():
    keys = re.findall(r'"[a-z_.]+":?', fixture("../src/scenario/FORMAT.md").decode())
    names = (f'"{name}"' for name in rust_words("wire/command.rs"))
    return [word.replace('"', '\\"') for word in (*keys, *names, '"1ms"', '"*"', "[{", "}]")]


def control_words():
    verbs = (f'\\"{name}\\"' for name in rust_words("control/verbs.rs"))
    return [*scenario_words(), *verbs, '{\\"verb\\":']


def policy_words():
    names = (rust_words(f"policy/{name}.rs") for name in ("document", "expr/check", "expr/lex", "expr/parse"))
    return [*(word for some in names for word in some), "==", "!=", "&&", "||", "not in ", " ?", "'ci'", "1e3", "0x"]


# Words that a target's inputs are made of, where it has any; between quotes, as a dictionary has them.
WORDS = {
    "control": control_words,
    "cover_merge": lambda: [*rust_words("cover/lcov.rs"), "SF:", "end_of_record\\x0a", "mode: set\\x0a", "\\x00"],
    "lcov": lambda: [*rust_words("cover/lcov.rs"), "SF:", "BRDA:", "FNA:", "FNL:", "end_of_record\\x0a"],
    "policy": policy_words,
    "scenario": scenario_words,
}


def plant(target, corpus):
    """Writes a target's seeds, each under a name made of what it holds, as the fuzzer does itself."""
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in SEEDS[target]():
        (corpus / hashlib.sha1(seed).hexdigest()).write_bytes(seed)


if __name__ == "__main__":
    for name in SEEDS:
        plant(name, Path(sys.argv[1]) / name)
