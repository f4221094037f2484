"""The template of a communicator."""

COMMUNICATOR = '''
"""A communicator over TCP: all ranks send their values to rank 0, which answers them."""

import pickle
import secrets
import socket
from contextlib import ExitStack, contextmanager

import numpy as np

from mlpkit.plugin import Communicator, GroupError

SERVERS = {}  # the sockets at which the ranks 0 of this process listen, by the key of the group


def read(connection, n):
    """Return n bytes; raise EOFError if the other process has ended."""
    content = bytearray()
    while len(content) < n:
        part = connection.recv(min(n - len(content), 2**20))
        if not part:
            raise EOFError("the connection is closed")
        content += part
    return bytes(content)


def send(connection, value):
    """Send a value."""
    content = pickle.dumps(value)
    connection.sendall(len(content).to_bytes(8, "big") + content)


def receive(connection):
    """Return the value that the other process sends."""
    return pickle.loads(read(connection, int.from_bytes(read(connection, 8), "big")))


class Star:
    """The group; the connections are those of rank 0 to all others, or the one to rank 0."""

    def __init__(self, connections, rank, size):
        self.connections, self.rank, self.size = connections, rank, size

    def combined(self, value, combine):
        """Return what rank 0 computes from the values of all ranks."""
        try:
            if self.rank != 0:
                send(self.connections[0], value)
                return receive(self.connections[0])
            answer = combine([value, *map(receive, self.connections)])
            for connection in self.connections:
                send(connection, answer)
            return answer
        except (OSError, EOFError) as error:
            raise GroupError("another process has ended or does not answer") from error

    def add(self, a):
        """Return the sum of the arrays."""
        return self.combined(a, lambda terms: np.asarray(np.sum(terms, axis=0, dtype=a.dtype)))

    def same(self, value):
        """Return the value of rank 0."""
        return self.combined(value, lambda values: values[0])

    def gather(self, value):
        """Return all values."""
        return self.combined(value, lambda values: values)


@contextmanager
def listen(host, size, timeout):
    """Listen in the process of rank 0; only processes that know the key can join."""
    key = secrets.token_hex(16)
    with socket.create_server((host, 0), backlog=size) as server:
        SERVERS[key] = server
        try:
            yield {"host": host, "port": server.getsockname()[1], "key": key}
        finally:
            del SERVERS[key]


@contextmanager
def join(address, rank, size, timeout):
    """Connect the ranks."""
    with ExitStack() as stack:
        try:
            if rank == 0:
                connections = accepted(address["key"], size, timeout, stack)
            else:
                place = address["host"], address["port"]
                connections = [stack.enter_context(socket.create_connection(place, timeout))]
                connections[0].sendall(bytes.fromhex(address["key"]))
                send(connections[0], rank)
        except (OSError, EOFError) as error:
            raise GroupError("not all processes have joined") from error
        yield Star(connections, rank, size)


def accepted(key, size, timeout, stack):
    """Return the connections from the other ranks, in their order."""
    connections, server = {}, SERVERS[key]
    server.settimeout(timeout)
    while len(connections) < size - 1:
        connection = stack.enter_context(server.accept()[0])
        connection.settimeout(timeout)
        if read(connection, 16) == bytes.fromhex(key):
            connections[receive(connection)] = connection
    return [connections[rank] for rank in range(1, size)]


def $id() -> Communicator:
    """Return the communicator."""
    return Communicator(listen, join)
'''
