"""A TCP proxy that breaks connections on purpose, between a client and PostgreSQL (or anything else). Python's own library only.

    with Proxy(server.host, server.port) as proxy:
        fault = proxy.add(Fault("lose_answer", at=b"COMMIT", role="worker", number=3))
        ...                     # the client connects to proxy.host, proxy.port
        assert fault.hits == 1

It doesn't speak the protocol: a statement is found by its text among the bytes that a client sends, and a client's role by
the application_name of its first packets ("thaw worker": role "worker").
"""

import dataclasses
import queue
import select
import selectors
import socket
import struct
import threading
import time

BLOCK = 65536


@dataclasses.dataclass
class Fault:
    """What to do when a client has sent the bytes `at` for the `number`th time.

    cut          both ends are reset, and the bytes in hand don't arrive
    close        the same, in order: FIN instead of RST
    lose_answer  the bytes arrive, the server answers, and then both ends are reset in place of the answer
    stall        nothing is passed on any more, in neither direction, until the client gives up; then the server hears of it
    delay        the bytes wait for `seconds`
    """

    action: str
    at: bytes = b""
    role: str | None = None    # only clients of this role
    number: int = 1            # of all times that `at` is sent by such clients, the first one that counts
    times: int = 1             # and how many count from there on
    after: bytes = b""         # `at` counts only where the connection has sent this before
    past_bytes: int = 0        # instead of `at`: when a client has sent so many bytes
    seconds: float = 0.0
    seen: int = 0
    hits: int = 0


class Connection:
    """One client and what it is passed on to."""

    def __init__(self, proxy: "Proxy", client: socket.socket):
        self.proxy, self.client = proxy, client
        self.server = socket.create_connection(proxy.upstream, timeout=10)
        for end in (client, self.server):
            end.setblocking(True)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.role = ""
        self.tail, self.sent = b"", 0
        self.passed: set = set()       # ids of faults whose `after` has gone by
        self.stalled, self.losing = False, False
        self.hoard: queue.SimpleQueue = queue.SimpleQueue()
        if proxy.hoards:
            threading.Thread(target=self.deliver, name="proxy's hoard", daemon=True).start()

    def deliver(self) -> None:
        """Pass on what is hoarded, as fast as the server takes it."""
        try:
            while data := self.hoard.get():
                self.server.sendall(data)
        except OSError:  # whoever reads from the server sees that it is gone
            pass

    def run(self) -> None:
        ends = {self.client: self.from_client, self.server: self.from_server}
        try:
            with selectors.DefaultSelector() as selector:
                for end in ends:
                    selector.register(end, selectors.EVENT_READ)
                while not self.proxy.ended:
                    for key, _ in selector.select(0.1):
                        if self.proxy.stalled or self.stalled:
                            self.watch_stalled(key.fileobj)
                        elif not ends[key.fileobj]():
                            return
        except (OSError, ValueError):  # an end is gone, or cut() closed it, even before it was waited for
            pass
        finally:
            self.close(reset=False)

    def watch_stalled(self, end: socket.socket) -> None:
        """Nothing is read, so that the sender's window closes; but that the client has gone away shows all the same."""
        if end is self.client:
            ended = select.poll()
            ended.register(end, select.POLLRDHUP)
            if ended.poll(0):
                raise ConnectionAbortedError
        time.sleep(0.02)

    def from_client(self) -> bool:
        data = self.client.recv(BLOCK)
        if not data:
            return False
        if not self.role:  # the first packet may ask for TLS, before the one that has the name
            name = data.partition(b"application_name\0thaw ")[2].partition(b"\0")[0]
            self.role = name.decode("ascii", "replace")
        for old, new in self.proxy.replacements:
            data = data.replace(old, new)
        for fault in self.proxy.struck(self, data):
            if fault.action in ("cut", "close"):
                self.close(reset=fault.action == "cut")
                return False
            if fault.action == "stall":
                self.stalled = True
                return True
            if fault.action == "delay":
                time.sleep(fault.seconds)
            self.losing |= fault.action == "lose_answer"
        if self.proxy.hoards:
            self.hoard.put(data)
        else:
            self.server.sendall(data)
        return True

    def from_server(self) -> bool:
        data = self.server.recv(BLOCK)
        if not data:
            return False
        if self.losing:
            self.close(reset=True)
            return False
        self.client.sendall(data)
        return True

    def close(self, reset: bool) -> None:
        self.hoard.put(b"")
        for end in (self.client, self.server):
            if reset and end.fileno() >= 0:
                # On close(2) with a linger time of 0 the kernel sends RST: socket(7).
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            end.close()
        self.proxy.forget(self)


class Proxy:
    """Listens on a port of its own; as many connections as come. One that hoards takes whatever clients send at once, however
    much it is, as a long way with large buffers does."""

    def __init__(self, host: str, port: int, hoards: bool = False):
        self.upstream, self.hoards = (host, port), hoards
        self.host, self.port = "127.0.0.1", 0
        self.ended = self.stalled = self.refusing = False
        self.faults: list = []
        self.replacements: list = []   # (old, new) of the same length, in what clients send
        self.lock = threading.Lock()
        self.connections: list = []
        self.accepted = 0

    def __enter__(self) -> "Proxy":
        self.listener = socket.create_server((self.host, 0), backlog=128)
        self.listener.settimeout(0.1)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._accept, name="proxy", daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_exception) -> None:
        self.ended = True
        self.thread.join()
        self.listener.close()
        self.cut()

    def add(self, fault: Fault) -> Fault:
        with self.lock:
            self.faults.append(fault)
        return fault

    def cut(self, role: str | None = None) -> int:
        """Reset all connections, or those of a role; how many."""
        with self.lock:
            found = [connection for connection in self.connections if role in (None, connection.role)]
        for connection in found:
            connection.close(reset=True)
        return len(found)

    def open(self, role: str | None = None) -> int:
        """Connections that are open."""
        with self.lock:
            return sum(role in (None, connection.role) for connection in self.connections)

    # For the connections

    def struck(self, connection: Connection, data: bytes) -> list:
        """The faults that these bytes of a client bring about."""
        before, connection.sent = connection.sent, connection.sent + len(data)
        window = connection.tail + data
        connection.tail = window[-128:]
        with self.lock:
            return [fault for fault in self.faults if self._strikes(fault, connection, window, len(data), before)]

    def _strikes(self, fault: Fault, connection: Connection, window: bytes, fresh: int, before: int) -> bool:
        if fault.role not in (None, connection.role):
            return False
        if fault.past_bytes:
            reached = before < fault.past_bytes <= connection.sent
        else:
            # Whatever ended before the fresh bytes was seen with the block before.
            start = max(0, len(window) - fresh - len(fault.at) + 1)
            reached = fault.at in window[start:]
        if reached and fault.after and id(fault) not in connection.passed:
            reached = False
        if fault.after and fault.after in window:
            connection.passed.add(id(fault))
        if not reached:
            return False
        fault.seen += 1
        strikes = fault.number <= fault.seen < fault.number + fault.times
        fault.hits += strikes
        return strikes

    def forget(self, connection: Connection) -> None:
        with self.lock:
            if connection in self.connections:
                self.connections.remove(connection)

    def _accept(self) -> None:
        while not self.ended:
            try:
                client, _ = self.listener.accept()
            except TimeoutError:
                continue
            if self.refusing:
                client.close()
                continue
            try:
                connection = Connection(self, client)
            except OSError:  # nobody listens there at this moment
                client.close()
                continue
            self.accepted += 1
            with self.lock:
                self.connections.append(connection)
            threading.Thread(target=connection.run, name="proxied", daemon=True).start()
