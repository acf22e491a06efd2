"""The authority of a cluster: what it signs, what it refuses, and when it warns (T12)."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from orchestrator.agent import keys
from orchestrator.controller.authority import Authority, fingerprint
from orchestrator.errors import OrchestratorError, Rejected

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Clock:
    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now

    def later(self, **span):
        self.now += timedelta(**span)
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def authority(tmp_path, clock):
    return Authority.at(tmp_path / "ca", "studio", clock)


def certificate(pem):
    return x509.load_pem_x509_certificate(pem)


def sans(pem):
    found = certificate(pem).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return [str(each.value) for each in found.value]


def request(key=None, *names, name="n1"):
    wish = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    )
    if names:
        wish = wish.add_extension(
            x509.SubjectAlternativeName([x509.DNSName(each) for each in names]), critical=False
        )
    made = wish.sign(key or ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM)


def test_authority_is_made_once(tmp_path, authority, clock):
    again = Authority.at(tmp_path / "ca", "another name", clock)
    assert (again.id, again.pem) == (authority.id, authority.pem)
    assert again.fingerprint == authority.fingerprint == fingerprint(authority.pem)
    assert authority.fingerprint.startswith("SHA256:")


def test_two_clusters_of_one_name_are_two(tmp_path, authority, clock):
    other = Authority.at(tmp_path / "other", "studio", clock)
    assert other.id != authority.id
    assert other.fingerprint != authority.fingerprint


def test_keys_are_for_nobody_else(tmp_path, authority):
    files = authority.issue(tmp_path / "tls", "scheduler", ["controller"])
    assert (tmp_path / "ca" / "key.pem").stat().st_mode & 0o777 == 0o600
    assert files.key.stat().st_mode & 0o777 == 0o600
    assert "PRIVATE" not in repr(authority)


def test_openssl_finds_the_chain_in_order(tmp_path, authority, clock):
    authority = Authority.at(tmp_path / "real", "studio")
    files = authority.issue(tmp_path / "tls", "api", ["controller", "10.0.0.1"])
    words = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile"]
    subprocess.run([*words, files.authority, files.certificate], check=True, capture_output=True)


def test_name_of_a_certificate_is_ours_and_not_the_requests(authority):
    pem = authority.sign(request(None, "controller", "evil", name="controller"), "n1")
    assert certificate(pem).subject.rfc4514_string() == "CN=n1"
    assert sans(pem) == ["n1.node"]


def test_node_that_is_called_controller_is_none(authority):
    assert "controller" not in sans(authority.sign(request(), "controller"))


def test_certificate_signs_no_other(authority):
    found = certificate(authority.sign(request(), "n1"))
    assert not found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert not found.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign


def test_certificates_live_as_long_as_is_said(authority):
    month = certificate(authority.sign(request(), "n1"))
    day = certificate(authority.sign(request(), "n2", hours=24))
    assert month.not_valid_after_utc == NOW + timedelta(days=30)
    assert day.not_valid_after_utc == NOW + timedelta(hours=24)
    assert month.not_valid_before_utc < NOW


def tampered():
    lines = request().decode().splitlines()
    middle = len(lines) // 2
    lines[middle] = lines[middle][::-1]
    return "\n".join(lines).encode()


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"no request",
        b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n",
        b"-----BEGIN CERTIFICATE REQUEST-----\n" + b"A" * 20_000,
        request(rsa.generate_private_key(public_exponent=65537, key_size=2048)),
        tampered(),
    ],
    ids=["empty", "text", "hollow", "long", "rsa", "tampered"],
)
def test_what_is_no_request_is_refused(authority, garbage):
    with pytest.raises(Rejected, match="node 'n1': its certificate request"):
        authority.sign(garbage, "n1")


@pytest.mark.parametrize("name", ["", "../n1", "a/b", "n\n1", "x" * 80])
def test_name_that_is_a_path_is_refused(authority, name):
    with pytest.raises(Rejected):
        authority.sign(request(), name)


def test_own_certificate_is_kept_for_two_thirds_of_its_life(tmp_path, authority, clock):
    def issued():
        return authority.issue(tmp_path / "tls", "api", ["controller"]).certificate.read_bytes()

    first = issued()
    clock.later(days=19)
    assert issued() == first
    clock.later(days=1)
    assert issued() != first


def test_own_certificate_is_made_anew_for_other_names(tmp_path, authority):
    first = authority.issue(tmp_path / "tls", "api", ["controller"]).certificate.read_bytes()
    files = authority.issue(tmp_path / "tls", "api", ["controller", "10.0.0.1"])
    assert sorted(sans(files.certificate.read_bytes())) == ["10.0.0.1", "controller"]
    assert files.certificate.read_bytes() != first


def test_own_certificate_is_made_anew_where_the_files_are_damaged(tmp_path, authority):
    files = authority.issue(tmp_path / "tls", "api")
    files.key.write_text("x")
    authority.issue(tmp_path / "tls", "api")
    assert "PRIVATE KEY" in files.key.read_text()


def test_node_is_due_after_two_thirds(authority, clock):
    assert authority.is_due("n1")
    authority.sign(request(), "n1")
    assert not authority.is_due("n1")
    clock.later(days=20)
    assert authority.is_due("n1")


def test_alarm_means_a_renewal_that_did_not_happen(authority, clock):
    authority.sign(request(), "n1")
    assert authority.expiring(clock.later(days=21)) == ()
    (alarm,) = authority.expiring(clock.later(days=2))
    assert alarm.startswith("node 'n1': its certificate ends at 2026-03-31 12:00 UTC")
    authority.forget("n1")
    assert authority.expiring(clock.now) == ()


def test_alarm_of_the_authority_comes_a_fortnight_before_its_end(authority, clock):
    end = certificate(authority.pem).not_valid_after_utc
    assert authority.expiring(end - timedelta(days=15)) == ()
    assert "authority itself" in authority.expiring(end - timedelta(days=13))[0]


def test_own_certificates_are_watched_as_well(tmp_path, authority, clock):
    folder = tmp_path / "tls"
    authority.issue(folder, "api")
    end = certificate((folder / "api.pem").read_bytes()).not_valid_after_utc
    assert authority.first_end(folder) == end
    assert authority.expiring(end - timedelta(days=8), folder) == ()
    (alarm,) = authority.expiring(end - timedelta(days=7), folder)
    assert alarm.startswith("the controller's api: its certificate ends at ")


def test_first_end_is_that_of_whichever_comes_first(authority):
    assert authority.first_end() == certificate(authority.pem).not_valid_after_utc
    signed = certificate(authority.sign(request(), "n1", days=3))
    assert authority.first_end() == signed.not_valid_after_utc


def test_note_that_is_no_certificate_hides_no_other(tmp_path, authority):
    authority.sign(request(), "n2", days=3)
    (tmp_path / "ca" / "issued" / "n1.pem").write_text("x")
    assert authority.first_end() < certificate(authority.pem).not_valid_after_utc


def test_damaged_authority_is_said_and_not_replaced(tmp_path, authority, clock):
    (tmp_path / "ca" / "key.pem").write_text("x")
    with pytest.raises(OrchestratorError, match="put it back from a copy"):
        Authority.at(tmp_path / "ca", "studio", clock)
    assert (tmp_path / "ca" / "key.pem").read_text() == "x"


def test_key_of_another_authority_is_noticed(tmp_path, authority, clock):
    Authority.at(tmp_path / "other", "studio", clock)
    (tmp_path / "other" / "key.pem").replace(tmp_path / "ca" / "key.pem")
    with pytest.raises(OrchestratorError, match="not a pair"):
        Authority.at(tmp_path / "ca", "studio", clock)


def test_key_of_a_node_is_made_once_and_stays(tmp_path):
    def asked():
        words = [sys.executable, "-m", "orchestrator.agent.keys", str(tmp_path), "n1"]
        return subprocess.run(words, check=True, capture_output=True).stdout

    first, second = (x509.load_pem_x509_csr(asked()) for _ in range(2))
    assert first.public_key() == second.public_key()
    file = tmp_path / "tls" / "key.pem"
    assert file.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in file.parent.iterdir()] == ["key.pem"]


def test_key_that_cannot_be_read_is_replaced(tmp_path):
    keys.request(tmp_path, "n1")
    (tmp_path / "tls" / "key.pem").write_text("x")
    assert x509.load_pem_x509_csr(keys.request(tmp_path, "n1")).is_signature_valid
