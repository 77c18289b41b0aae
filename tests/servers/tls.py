"""TLS in front of a server that has none, with a certificate of an authority of its own. Python's own library and cryptography.

    with TlsFront(double.host, double.port, directory) as front:
        ...                     # https://127.0.0.1:{front.port}, which who trusts front.authority_file believes
"""

import datetime
import ipaddress
import pathlib
import socket
import ssl
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

BLOCK = 65536


def certificate(name: str, key, issuer: str, issuer_key, *extensions) -> bytes:
    """PEM, valid for a day around now."""
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (x509.CertificateBuilder().subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
               .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)])).public_key(key.public_key())
               .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=12))
               .not_valid_after(now + datetime.timedelta(hours=12)))
    for extension in extensions:
        builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
    return builder.sign(issuer_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


class TlsFront:
    def __init__(self, host: str, port: int, directory: pathlib.Path, authority: str = "test authority"):
        self.upstream = (host, port)
        self.host = "127.0.0.1"
        self.authority_file = directory / "authority.pem"
        authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        self.authority_file.write_bytes(certificate(authority, authority_key, authority, authority_key,
                                                    x509.BasicConstraints(ca=True, path_length=0)))
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(self.host)), x509.DNSName("localhost")])
        own = directory / "server.pem"
        own.write_bytes(certificate("localhost", key, authority, authority_key, names)
                        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(own)

    def __enter__(self) -> "TlsFront":
        self.listener = socket.create_server((self.host, 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_exception) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            with self.context.wrap_socket(client, server_side=True) as inside, socket.create_connection(self.upstream) as server:
                back = threading.Thread(target=self._copy, args=(server, inside), daemon=True)
                back.start()
                self._copy(inside, server)
                back.join()
        except OSError:  # a client that doesn't believe the certificate hangs up
            client.close()

    @staticmethod
    def _copy(source: socket.socket, sink: socket.socket) -> None:
        try:
            while block := source.recv(BLOCK):
                sink.sendall(block)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass
