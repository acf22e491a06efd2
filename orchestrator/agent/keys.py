"""`python -m orchestrator.agent.keys FOLDER NAME`: a node's key, and a request to certify it.

The key is made here and never travels: the request goes out over SSH, the certificate comes in.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from orchestrator.agent.files import write_all
from orchestrator.system import BYTES

OWN_DAYS = 3650


def request(folder: Path, name: str) -> bytes:
    """Return a certificate request (PEM) for the key in `folder`/tls, which is made if missing.

    A key that cannot be read is replaced.  Raises OSError.
    """
    file = folder / "tls" / "key.pem"
    key = _known(file) or _made(file)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    wish = x509.CertificateSigningRequestBuilder().subject_name(subject)
    return wish.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def own_certificate(folder: Path, name: str) -> None:
    """Make `folder`/tls/own.pem if it is missing: a free node's certificate, signed by its own key.

    It proves nothing by itself: who claims the node compares its fingerprint under a key that both
    know.  Raises OSError.
    """
    file = folder / "tls" / "own.pem"
    if file.exists():
        return
    key = _known(file.with_name("key.pem")) or _made(file.with_name("key.pem"))
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=OWN_DAYS))
        .sign(key, hashes.SHA256())
    )
    part = file.with_name(f"own.{os.getpid()}.part")
    part.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    part.replace(file)


def _known(file: Path) -> ec.EllipticCurvePrivateKey | None:
    try:
        key = serialization.load_pem_private_key(file.read_bytes(), None)
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return key if isinstance(key, ec.EllipticCurvePrivateKey) else None


def _made(file: Path) -> ec.EllipticCurvePrivateKey:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = file.with_name(f"key.{os.getpid()}.part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | BYTES, 0o600)
    try:
        write_all(descriptor, pem)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    part.replace(file)
    return key


if __name__ == "__main__":
    if sys.argv[3:] == ["--own"]:
        own_certificate(Path(sys.argv[1]), sys.argv[2])
    else:
        sys.stdout.write(request(Path(sys.argv[1]), sys.argv[2]).decode())
