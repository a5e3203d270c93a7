"""TLS to a real RabbitMQ with an authority of our own: proved by default, host name and all."""

import ssl
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from kombu import Connection
from kombu.exceptions import OperationalError

from camel_ext.brokers.celery_app import HintSender
from camel_ext.brokers.wire import Papers
from camel_ext.core.clock import SystemClock
from tests.brokers.servers import RABBIT, RabbitMQ
from tests.ports import free_port

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("brokers")]
QUEUE = "camel-ext.tests.normal"


class Authority:
    """Vouches for names."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._key = folder, ec.generate_private_key(ec.SECP256R1())
        self._name = _named(name)
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(
            self._sign(self._name, self._key, x509.BasicConstraints(ca=True, path_length=None))
        )

    def vouch(self, name: str, address: str) -> tuple[Path, Path]:
        """Return the files of a certificate for that address, and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        alternative = x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))])
        certificate, key_file = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        certificate.write_bytes(self._sign(_named(name), key, alternative))
        key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return certificate, key_file

    def _sign(
        self, name: x509.Name, key: ec.EllipticCurvePrivateKey, what: x509.ExtensionType
    ) -> bytes:
        now = SystemClock().now()
        signed = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(what, critical=isinstance(what, x509.BasicConstraints))
            .sign(self._key, hashes.SHA256())
        )
        return signed.public_bytes(serialization.Encoding.PEM)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


class Encrypted:
    """A broker that wants a certificate of who comes, and the papers for it."""

    def __init__(self, folder: Path) -> None:
        self.authority, self.stranger = Authority(folder, "ours"), Authority(folder, "theirs")
        certificate, key = self.authority.vouch("broker", "127.0.0.1")
        self.papers = Papers(self.authority.file, *self.authority.vouch("worker", "127.0.0.1"))
        self.port = free_port()
        self.broker = RabbitMQ(
            f"listeners.ssl.default = 127.0.0.1:{self.port}\n"
            f"ssl_options.cacertfile = {self.authority.file}\n"
            f"ssl_options.certfile = {certificate}\nssl_options.keyfile = {key}\n"
            "ssl_options.verify = verify_peer\nssl_options.fail_if_no_peer_cert = true\n"
        )

    def send(self, papers: Papers, host: str = "127.0.0.1") -> None:
        """Publish a hint with these papers."""
        url = f"amqps://guest:guest@{host}:{self.port}//"
        sender = HintSender(url, timeout_s=10.0, papers=papers)
        try:
            sender.send([(QUEUE, ["an-id"])])
        finally:
            sender.close()

    def count(self) -> int:
        """Return how many hints came."""
        with Connection(self.broker.url, connect_timeout=10) as connection:
            declared = connection.default_channel.queue_declare(QUEUE, passive=True)
            return int(declared.message_count)


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Encrypted]:
    if not RABBIT.exists():
        pytest.skip("rabbitmq-server is not installed")
    encrypted = Encrypted(tmp_path_factory.mktemp("papers"))
    encrypted.broker.start()
    yield encrypted
    encrypted.broker.close()


def test_hints_go_encrypted_with_papers_of_both(encrypted: Encrypted) -> None:
    encrypted.send(encrypted.papers)
    encrypted.send(encrypted.papers)
    assert encrypted.count() == 2


def test_a_broker_of_another_authority_or_name_is_refused(encrypted: Encrypted) -> None:
    ours = encrypted.papers
    for ca_file in (encrypted.stranger.file, None):
        with pytest.raises(OperationalError, match="certificate verify failed"):
            encrypted.send(Papers(ca_file, ours.certificate_file, ours.key_file))
    with pytest.raises(OperationalError, match="Hostname mismatch"):
        encrypted.send(ours, "127.1")  # the same machine by a name that is not in the certificate


def test_who_shows_no_certificate_is_refused_by_the_broker(encrypted: Encrypted) -> None:
    encrypted.send(encrypted.papers)
    came = encrypted.count()
    # the broker's alert, or only that it hung up, where that is seen first
    with pytest.raises(OperationalError, match=r"(?i)alert|closed|reset|EOF"):
        encrypted.send(Papers(encrypted.authority.file))
    assert encrypted.count() == came


def test_redis_is_proved_by_default_too() -> None:
    told = Papers(ca_file=Path("ca.pem")).options("rediss://host/0")
    assert told == {
        "ssl_ca_certs": "ca.pem", "ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_check_hostname": True,
    }  # fmt: skip
    assert Papers().options("amqp://host//") is None
