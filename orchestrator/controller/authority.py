"""The cluster's own certificate authority: who has a certificate of it belongs to the cluster.

Its key is made once, on the controller, and never leaves it (0600).  Its own certificate holds for
ten years: every member trusts it by this very file, and a new one would mean to fetch them all
again.  What it signs holds for 30 days and is renewed after two thirds of that (T12).
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from orchestrator.engine.protocol import TlsFiles
from orchestrator.errors import OrchestratorError, Rejected

AUTHORITY_DAYS = 3650
CERTIFICATE_DAYS = 30
RENEW_AFTER = 2 / 3
"""Of a certificate's life."""

ALARM_DAYS = 14
ALARM_PART = 1 / 4
"""An alarm comes so long before the end, or this part of the life where that is shorter: later than
the renewal, so that it means a renewal that did not happen."""

BACKDATED = timedelta(days=1)
"""For machines whose clock is behind ours."""

REQUEST_BYTES_MAX = 16 << 10

_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,62}")


def utc_now() -> datetime:
    """Return the time by which certificates begin and end."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Authority:
    """One per cluster; `Authority.at` makes or opens it."""

    id: str  #: of the cluster, made once: two clusters may have one name
    pem: bytes  #: its certificate, which everybody may have
    _folder: Path = field(repr=False)
    _certificate: x509.Certificate = field(repr=False)
    _key: ec.EllipticCurvePrivateKey = field(repr=False)
    _clock: Callable[[], datetime] = field(repr=False)

    @classmethod
    def at(cls, folder: Path, cluster: str, clock: Callable[[], datetime] = utc_now) -> Authority:
        """Open the authority in `folder`; make it where there is none.

        Raises OrchestratorError if the files there cannot be used.
        """
        if not folder.exists():
            _found(folder, cluster, clock())
        try:
            pem = (folder / "ca.pem").read_bytes()
            id = (folder / "id").read_text("ascii").strip()
            key = serialization.load_pem_private_key((folder / "key.pem").read_bytes(), None)
            certificate = x509.load_pem_x509_certificate(pem)
        except (OSError, ValueError, UnsupportedAlgorithm) as error:
            raise _unusable(folder, error) from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not _fit(key, certificate):
            raise _unusable(folder, "its key and its certificate are not a pair")
        return cls(id, pem, folder, certificate, key, clock)

    @property
    def fingerprint(self) -> str:
        """What a person compares: ``SHA256:`` and 64 hexadecimal digits, of the certificate."""
        return fingerprint(self.pem)

    def sign(
        self, request_pem: bytes, name: str, *, days: float = CERTIFICATE_DAYS, hours: float = 0
    ) -> bytes:
        """Return a certificate (PEM) for the key of a node's request; `hours` in place of `days`.

        The name is ours, not the request's, and no wish in it is heard: a node can never be taken
        for the controller.  Raises Rejected for what is no request, or not signed by its own key.
        """
        note = self._note(name)
        try:
            if len(request_pem) > REQUEST_BYTES_MAX:
                raise ValueError(f"more than {REQUEST_BYTES_MAX} bytes")
            request = x509.load_pem_x509_csr(request_pem)
            key = request.public_key()
            if not request.is_signature_valid or not isinstance(key, ec.EllipticCurvePublicKey):
                raise ValueError("not signed by an elliptic key of its own")
        except (ValueError, InvalidSignature, UnsupportedAlgorithm) as error:
            why = f"its certificate request cannot be used: {error}; remove tls/key.pem on the node"
            raise Rejected(name, why) from error
        life = timedelta(hours=hours) if hours else timedelta(days=days)
        pem = self._signed(key, name, [f"{name}.node"], life)
        _write(note, pem, 0o644)
        return pem

    def issue(self, folder: Path, name: str, sans: Sequence[str] = ()) -> TlsFiles:
        """Return key and certificate of a process of our own, made or renewed where it is time.

        `sans`: host names and addresses it answers to, as ``controller``.
        """
        files = TlsFiles(folder / "ca.pem", folder / f"{name}.pem", folder / f"{name}.key")
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not self._holds(files, sans):
            key = ec.generate_private_key(ec.SECP256R1())
            life = timedelta(days=CERTIFICATE_DAYS)
            certificate = self._signed(key.public_key(), name, sans, life)
            _write(files.key, _private(key), 0o600)
            _write(files.certificate, certificate, 0o644)
        _write(files.authority, self.pem, 0o644)
        return files

    def is_due(self, name: str) -> bool:
        """Whether a node needs a new certificate: none was signed, or its two thirds are over."""
        try:
            certificate = x509.load_pem_x509_certificate(self._note(name).read_bytes())
        except (OSError, ValueError):
            return True
        return self._clock() >= _renew_at(certificate)

    def forget(self, name: str) -> None:
        """Stop watching the certificate of a node that has left."""
        self._note(name).unlink(missing_ok=True)

    def expiring(self, now: datetime, own: Path | None = None) -> tuple[str, ...]:
        """Return a sentence for each certificate whose end is near: somebody must act.

        `own`: the folder of those that `issue` made.
        """
        return tuple(
            f"{who}: its certificate ends at {one.not_valid_after_utc:%Y-%m-%d %H:%M} UTC {advice}"
            for who, one, advice in self._all(own)
            if now >= one.not_valid_after_utc - _alarm_before(one)
        )

    def first_end(self, own: Path | None = None) -> datetime:
        """Return when the first of all these certificates ends."""
        return min(one.not_valid_after_utc for _, one, _ in self._all(own))

    def _all(self, own: Path | None) -> Iterator[tuple[str, x509.Certificate, str]]:
        """Yield whose certificate it is, the certificate, and what to do when its end is near."""
        anew = f"; delete the cluster, remove {self._folder}, and apply again"
        yield "the authority itself", self._certificate, anew
        for file, one in _certificates(self._folder / "issued"):
            reach = "and was not renewed; see that the node can be reached"
            yield f"node {file.stem!r}", one, reach
        for file, one in _certificates(own) if own else ():
            if file.name != "ca.pem":
                why = "and was not renewed; see why: orchestrator nodes log controller"
                yield f"the controller's {file.stem}", one, why

    def _note(self, name: str) -> Path:
        if not _SAFE_NAME.fullmatch(name):
            raise Rejected(name, "its name cannot stand in a certificate")
        return self._folder / "issued" / f"{name}.pem"

    def _holds(self, files: TlsFiles, sans: Sequence[str]) -> bool:
        """Whether these files are ours, say what is wanted, and are not due."""
        try:
            certificate = x509.load_pem_x509_certificate(files.certificate.read_bytes())
            key = serialization.load_pem_private_key(files.key.read_bytes(), None)
            certificate.verify_directly_issued_by(self._certificate)
        except (OSError, ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
            return False
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not _fit(key, certificate):
            return False
        return _sans(certificate) == _names(sans) and self._clock() < _renew_at(certificate)

    def _signed(
        self, key: ec.EllipticCurvePublicKey, name: str, sans: Sequence[str], life: timedelta
    ) -> bytes:
        now = self._clock()
        usages = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
        builder = (
            x509.CertificateBuilder()
            .subject_name(_subject(name))
            .issuer_name(self._certificate.subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(max(now - BACKDATED, self._certificate.not_valid_before_utc))
            .not_valid_after(min(now + life, self._certificate.not_valid_after_utc))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                critical=False,
            )
        )
        if sans:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([*_names(sans)]), critical=False
            )
        signed = builder.sign(self._key, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.PEM)


def _certificates(folder: Path) -> Iterator[tuple[Path, x509.Certificate]]:
    """Yield the certificates in a folder, by name; what is none is not ours to judge."""
    for file in sorted(folder.glob("*.pem")):
        with suppress(OSError, ValueError):
            yield file, x509.load_pem_x509_certificate(file.read_bytes())


def fingerprint(pem: bytes) -> str:
    """Return the fingerprint of a certificate; ValueError if `pem` is none."""
    der = x509.load_pem_x509_certificate(pem).public_bytes(serialization.Encoding.DER)
    return f"SHA256:{hashlib.sha256(der).hexdigest()}"


def _found(folder: Path, cluster: str, now: datetime) -> None:
    """Make an authority: all of its files, or none."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(_subject(f"orchestrator cluster {cluster}"))
        .issuer_name(_subject(f"orchestrator cluster {cluster}"))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + timedelta(days=AUTHORITY_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        _write(part / "key.pem", _private(key), 0o600)
        _write(part / "ca.pem", certificate.public_bytes(serialization.Encoding.PEM), 0o644)
        _write(part / "id", f"{uuid.uuid4().hex}\n".encode(), 0o644)
        (part / "issued").mkdir(mode=0o700)
        part.rename(folder)
    except OSError:
        shutil.rmtree(part, ignore_errors=True)
        if not folder.exists():  # else somebody was quicker
            raise


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _names(sans: Sequence[str]) -> frozenset[x509.GeneralName]:
    return frozenset(_name(each) for each in sans)


def _name(said: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(said))
    except ValueError:
        return x509.DNSName(said)


def _sans(certificate: x509.Certificate) -> frozenset[x509.GeneralName]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return frozenset()
    return frozenset(found.value)


def _fit(key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> bool:
    return key.public_key() == certificate.public_key()


def _life(certificate: x509.Certificate) -> timedelta:
    whole = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    return whole - BACKDATED if whole > BACKDATED else whole


def _renew_at(certificate: x509.Certificate) -> datetime:
    return certificate.not_valid_after_utc - _life(certificate) * (1 - RENEW_AFTER)


def _alarm_before(certificate: x509.Certificate) -> timedelta:
    return min(timedelta(days=ALARM_DAYS), _life(certificate) * ALARM_PART)


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write(path: Path, data: bytes, mode: int) -> None:
    """Write a file whole; it never has more rights than `mode`, not for a moment."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _unusable(folder: Path, why: object) -> OrchestratorError:
    return OrchestratorError(
        f"authority {folder}: it cannot be used: {why}; put it back from a copy, or remove the "
        "folder: then a new authority is made, and every node gets a new certificate"
    )
