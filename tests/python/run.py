#!/usr/bin/env python3
"""Drives the Python SDK of Pilot Protocol 1.18.0 against mockpilot: every public
method of every public class, and every flow.

    run.py [MOCKPILOT]

The SDK is the package beside the fetched libpilot (tests/c/fetch-libpilot), or
beside the one of LIBPILOT. It runs in a network namespace of its own; where
none can be had the suite fails. Prints a line PASS or FAIL for each check, a
table of methods, and at last "N passed, M failed".
"""

import faulthandler
import os
import sys

sys.dont_write_bytecode = True
import clientkit  # noqa: E402
import quick_start  # noqa: E402
import sdk_faults  # noqa: E402
import sdk_node  # noqa: E402
import sdk_own_bugs  # noqa: E402
import sdk_services  # noqa: E402
import sdk_streams  # noqa: E402
from touched import Touched  # noqa: E402

# A run that takes longer never ends.
PATIENCE = 60

# What has no error branch that a daemon can bring about; subscribe_event is a
# generator, whose errors come when it is asked for the next event.
NEVER_RAISE = {
    "Driver.close", "Driver.subscribe_event",
    "Conn.__init__", "Conn.close", "Conn.__enter__", "Conn.__exit__",
    "Listener.__init__", "Listener.close", "Listener.__enter__",
    "Listener.__exit__", "Driver.__enter__", "Driver.__exit__",
}


def lenient(checks, package):
    from pilotprotocol import Driver, PilotError

    daemon = clientkit.Daemon("--profile", "lenient")
    control = daemon.control
    driver = Driver(daemon.socket)
    with Driver(daemon.socket) as other:
        sdk_node.node(checks, driver, PilotError)
        sdk_node.trust(checks, driver, PilotError)
        sdk_node.asked_by_others(checks, driver, control)
        sdk_node.networks(checks, driver, PilotError)
        sdk_streams.streams(checks, driver, PilotError)
        sdk_streams.joined(checks, driver, other, PilotError)
        sdk_streams.inbound(checks, driver, control, PilotError)
        sdk_services.datagrams(checks, driver, other, control, PilotError)
        sdk_services.services(checks, driver, other, control, daemon.home,
                              PilotError)
    checks.equal("deregister", driver.deregister(), {"type": "deregister_ok"})
    daemon.stop(checks)
    for name, arguments in (
            ("info", ()), ("health", ()), ("deregister", ()),
            ("pending_handshakes", ()), ("trusted_peers", ()),
            ("network_list", ()), ("network_poll_invites", ()),
            ("rotate_key", ()), ("disconnect", (1,)),
            ("policy_get", (7,)), ("approve_handshake", (7,)),
            ("reject_handshake", (7,)), ("wait_for_trust", (7, 0))):
        checks.raises(f"{name}: without a daemon", PilotError, "",
                      lambda: getattr(driver, name)(*arguments))
    driver.close()
    for call in (driver.info, driver.recv_from):
        checks.raises("after close", PilotError, "invalid driver handle", call)
    checks.raises("connecting: without a daemon", PilotError,
                  "no such file or directory", lambda: Driver(daemon.socket))


def main():
    clientkit.enter_namespace()
    package = clientkit.package_directory()
    if package is None:
        print("run.py: no pilotprotocol package: run tests/c/fetch-libpilot",
              file=sys.stderr)
        return 1
    checks = clientkit.Checks()
    faulthandler.dump_traceback_later(PATIENCE, exit=True)
    quick_start.run(checks, package)
    os.environ["PILOT_LIB_PATH"] = os.path.join(
        clientkit.libpilot_directory(), "libpilot.so")
    sys.path.insert(0, package)
    import pilotprotocol

    checks.equal("the public names", sorted(pilotprotocol.__all__), [
        "Conn", "DEFAULT_SOCKET_PATH", "Driver", "Listener", "PilotError",
        "__version__"])
    touched = Touched(pilotprotocol.Driver, pilotprotocol.Listener,
                      pilotprotocol.Conn)
    lenient(checks, package)
    driver, error = pilotprotocol.Driver, pilotprotocol.PilotError
    sdk_faults.run(checks, driver, error)
    sdk_faults.faithful(checks, driver, error)
    sdk_own_bugs.run(checks, driver, error, package)
    touched.judge(checks, NEVER_RAISE)
    print(*touched.lines(), sep="\n")
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
