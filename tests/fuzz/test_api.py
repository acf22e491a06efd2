"""Whatever is asked of the API: what its document says, and never a fault of ours (F25, T17)."""

import pytest
import sample
import schemathesis
from fake_front import TOKENS, FakeDoor, FakeFront
from hypothesis import HealthCheck, settings
from offices import ANN, LOCAL, bureau, sheets, wanted
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from orchestrator.ledger.sqlite import SqliteLedger
from orchestrator.model.codec import dump
from orchestrator.model.talk import Role
from orchestrator.web import app as web
from orchestrator.web import follow
from orchestrator.web.listen import Address
from orchestrator.web.serve import Listening, Server

pytestmark = pytest.mark.timeout(sample.LIMIT_S)

SCHEMA = schemathesis.openapi.from_dict(
    web.document(web.api(FakeFront(), FakeDoor(), lambda: "PEM"))
)
DRAWN = settings(max_examples=sample.times(40), suppress_health_check=list(HealthCheck))
ADMIN = {"Authorization": f"Bearer {TOKENS[Role.ADMIN]}"}


@pytest.fixture(scope="module", autouse=True)
def hasty():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(follow, "LOOK_S", 0.01)
        yield


def served(front):
    """Serve on loopback, by plain HTTP."""
    app = web.application(front, FakeDoor(), lambda: "PEM")
    server = Server(app, Listening(local=None, address=Address(host="127.0.0.1", ports=range(1))))
    server.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.stop()


@pytest.fixture(scope="module")
def fake():
    yield from served(FakeFront())


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """Serve a real counter over a real ledger, with one batch."""
    folder = tmp_path_factory.mktemp("office")
    with SqliteLedger(folder / "ledger.db") as ledger:
        office = bureau(ledger, folder).office
        office.apply(LOCAL, wanted())
        office.submit(ANN, sheets(), "the-first")
        yield from served(office)


def ask(case, url, *excluded):
    """Ask as an administrator; a header drawn to be wrong is thereby right, and is no fault."""
    if case.path == "/v1/events" and case.query is not None:
        case.query["seconds"] = 0
    if case.meta.is_negative_at(ParameterLocation.HEADER):
        excluded = (*excluded, negative_data_rejection)
    case.call_and_validate(base_url=url, headers=ADMIN, excluded_checks=list(excluded))


@SCHEMA.parametrize()
@DRAWN
def test_answer_is_as_the_document_says(case, fake):
    ask(case, fake)


@SCHEMA.parametrize()
@DRAWN
def test_controller_answers_whatever_it_is_asked_about(case, real):
    """What a document cannot say may be refused: a manifest of random text, a node of no name."""
    ask(case, real, positive_data_acceptance)


@SCHEMA.parametrize()
@DRAWN
def test_controller_answers_whatever_it_is_asked_about_what_is_there(case, real):
    aim(case)
    ask(case, real, positive_data_acceptance)


def aim(case):
    """Ask about what is there, with the rest as it was drawn."""
    there = {"id": "b-0001", "name": "mac-01"}
    case.path_parameters = {key: there[key] for key in case.path_parameters or {}}
    if isinstance(case.body, dict):
        if "verb" in case.body:
            case.body["id"] = "b-0001/j"
        if "cluster" in case.body:
            case.body |= {"cluster": "studio", "sheets": dump(wanted().sheets)}
