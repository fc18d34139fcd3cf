"""Runs in the container of an interactive function: as `run ROWS COLUMNS PROGRAM…` it gives the program a terminal, as
`relay` it brings that terminal what comes to its own input. Output goes the way of all output."""
import fcntl
import os
import select
import signal
import socket
import struct
import sys
import termios

DOOR = "\0ionian-terminal"
INPUT_MAX = 65536  # that the program has not read


def relay():
    with socket.socket(socket.AF_UNIX) as terminal:
        terminal.connect(DOOR)
        os.write(1, b".")  # found
        while data := os.read(0, 4096):
            terminal.sendall(data)


def set_post_processing(terminal, on):
    flags = termios.tcgetattr(terminal)
    flags[1] = flags[1] | termios.OPOST if on else flags[1] & ~termios.OPOST
    termios.tcsetattr(terminal, termios.TCSANOW, flags)


def start(program, master, slave):
    child = os.fork()
    if child == 0:
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        for number in range(3):
            os.dup2(slave, number)
        os.closerange(3, max(master, slave) + 1)
        os.execvp(program[0], program)
    os.close(slave)
    return child


def write_out(data):
    while data:
        data = data[os.write(1, data):]


def read_all(master):
    """What the terminal holds now. False when nothing can come any more."""
    try:
        while data := os.read(master, 65536):
            write_out(data)
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False


class Terminal:
    def __init__(self, rows, columns):
        self.door = socket.socket(socket.AF_UNIX)
        self.door.bind(DOOR)
        self.door.listen(8)
        self.master, self.slave = os.openpty()
        os.set_blocking(self.master, False)
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        # Until somebody looks at it as a terminal, lines end as in any log.
        set_post_processing(self.slave, False)
        self.relays, self.waiting = [], b""

    def turn(self, woken):
        """Moves what there is to move. False when the program may have ended."""
        takes = [self.door, *self.relays] if len(self.waiting) < INPUT_MAX else []
        readable, writable, _ = select.select([self.master, woken, *takes], [self.master] if self.waiting else [], [])
        if self.door in readable:
            self.relays.append(self.door.accept()[0])
            set_post_processing(self.master, True)
        for each in [each for each in self.relays if each in readable]:
            data = each.recv(4096)
            self.waiting += data
            if not data:
                self.relays.remove(each)
                each.close()
        if writable:
            self.waiting = self.waiting[os.write(self.master, self.waiting):]
        if self.master in readable and not read_all(self.master):
            return False
        return woken not in readable


def drain(woken):
    """Whether a signal has come."""
    try:
        return bool(os.read(woken, 4096))
    except BlockingIOError:
        return False


def run(rows, columns, program):
    terminal = Terminal(int(rows), int(columns))
    woken, wake = os.pipe()
    for end in (woken, wake):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    child = start(program, terminal.master, terminal.slave)
    for signo in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(signo, lambda signo, _: os.kill(child, signo))
    over, status = 0, 0
    while not over:
        if not terminal.turn(woken):
            over, status = os.waitpid(child, os.WNOHANG if drain(woken) else 0)
    read_all(terminal.master)
    if os.WIFSIGNALED(status):
        signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
        os.kill(os.getpid(), os.WTERMSIG(status))
    os._exit(os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 1)


if sys.argv[1] == "relay":
    relay()
else:
    run(sys.argv[2], sys.argv[3], sys.argv[4:])
