"""Programs on a pseudo-terminal, and what its screen shows at the end."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios

COLUMNS = 120


def on_terminal(code: str, interrupted_at: str | None = None) -> list[str]:
    """The screen after a program, line by line.

    Ctrl-C comes as soon as the program has written the text ``interrupted_at``.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
    program = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        preexec_fn=receive_interrupts,
    )
    written = b""
    while True:
        # our side of `theirs` stays open, since its last output may be lost if all are closed
        if select.select([ours], [], [], 0.1)[0]:
            written += os.read(ours, 65536)
        elif program.poll() is not None:
            break
        if interrupted_at is not None and interrupted_at.encode() in written:
            program.send_signal(signal.SIGINT)
            interrupted_at = None
    os.close(ours)
    os.close(theirs)
    return screen(written.decode())


def receive_interrupts() -> None:
    """Let Ctrl-C interrupt this process, also if the tests run in the background of a shell."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def screen(written: str) -> list[str]:
    """What a terminal shows of a text with carriage returns."""
    lines, column = [""], 0
    for character in written:
        if character == "\n":
            lines.append("")
        elif character == "\r":
            column = 0
        else:
            line = lines[-1].ljust(column)
            lines[-1] = line[:column] + character + line[column + 1 :]
            column += 1
    return [line.rstrip() for line in lines]
