"""Whether a daemon leaves its profile, however it ends."""

import glob
import os
import signal
import socket
import subprocess


class Ending:
    """A daemon that is ready; how it ends is for others to say."""

    def __init__(self, daemon, folder, options, parent=()):
        ready, told = os.pipe()
        lifeline, self.hold = os.pipe()
        self.socket = os.path.join(folder, "socket")
        self.control = os.path.join(folder, "control")
        options = [option.format(lifeline=lifeline) for option in options]
        # Who waits for standard error to end waits for the daemon, whoever started it.
        self.process = subprocess.Popen(
            [*parent, daemon, "-socket", self.socket, "-control", self.control, "-ready-fd", str(told),
             *options], pass_fds=(told, lifeline), stderr=subprocess.PIPE,
            env={**os.environ, "LLVM_PROFILE_FILE": os.path.join(folder, "%p.profraw")})
        os.close(told)
        os.close(lifeline)
        with os.fdopen(ready) as line:
            line.readline()

    def send(self, number):
        self.process.send_signal(number)

    def let_go(self):
        os.close(self.hold)
        self.hold = None

    def stop(self, daemon):
        subprocess.run([daemon, "ctl", "--control", self.control, "stop"],
                       stdout=subprocess.DEVNULL, check=True)

    def visit(self):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(self.socket)
            client.sendall(b"\0\0\0\1\x21")
            client.recv(1)

    def wait(self):
        self.process.communicate()
        if self.hold is not None:
            os.close(self.hold)


def lost(daemon, folder):
    """The endings that left no profile."""
    shell = ("sh", "-c", '"$@" & wait', "sh")
    for name, options, parent, end in [
            ("SIGTERM", (), (), lambda it: it.send(signal.SIGTERM)),
            ("SIGINT", (), (), lambda it: it.send(signal.SIGINT)),
            ("SIGHUP", (), (), lambda it: it.send(signal.SIGHUP)),
            ("ctl stop", (), (), lambda it: it.stop(daemon)),
            ("the lifeline", ("-lifeline-fd={lifeline}",), (), Ending.let_go),
            ("the last client", ("-exit-on-last-client",), (), Ending.visit),
            ("the parent's death", ("-exit-with-parent",), shell, lambda it: it.send(signal.SIGKILL))]:
        own = os.path.join(folder, name.replace(" ", "-"))
        os.mkdir(own)
        ending = Ending(daemon, own, options, parent)
        end(ending)
        ending.wait()
        profiles = glob.glob(os.path.join(own, "*.profraw"))
        if len(profiles) != 1 or os.path.getsize(profiles[0]) == 0:
            yield name
