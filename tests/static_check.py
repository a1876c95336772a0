"""Runs the static binary as all that an empty root directory holds: serves a client, ends by SIGTERM.

usage: static_check.py BINARY
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

DEADLINE = 10


def fail(why):
    sys.exit(f"static_check: {why}")


def main():
    (binary,) = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="mp-root-") as root:
        shutil.copy(binary, os.path.join(root, "mockpilot"))
        become_root = [] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user"]
        command = become_root + ["chroot", root, "/mockpilot", "-socket", "/s"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as daemon:
            first = daemon.stderr.readline()
            if "listening on /s" not in first:
                daemon.kill()
                fail(f"expected \"listening on /s\", got {first.strip()!r}")
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(DEADLINE)
                client.connect(os.path.join(root, "s"))
                client.sendall(b"\0\0\0\1\x21")
                reply = client.recv(4096)
                if reply[4:5] != b"\x22":
                    daemon.kill()
                    fail(f"expected a health reply, got {reply!r}")
                daemon.send_signal(signal.SIGTERM)
                status = daemon.wait(DEADLINE)
        if status != 0:
            fail(f"expected status 0, got {status}")
        left = sorted(os.listdir(root))
        if left != ["mockpilot"]:
            fail(f"expected nothing beside the binary, got {left}")
    size = os.path.getsize(binary)
    print(f"static binary of {size // 1024} KiB ran alone in a chroot")
    if size >= 3 << 20:
        fail(f"{size} bytes are not under 3 MiB")


if __name__ == "__main__":
    main()
