"""What `apply` is given: files on the client's side, their texts on the controller's."""

import pytest
from wanted import EVERY_KEY, FREE_KEYS, MANAGED, NODE, ONE_NODE, QUICK

from orchestrator.errors import ManifestError, NotThere, Refusal
from orchestrator.manifest.applied import parse_sheets, read_clusters
from orchestrator.model.talk import Sheet

BATCH = """\
apiVersion: orchestrator/v1
kind: Batch
metadata: {name: b}
spec: {jobs: [{name: a, processor: shell, with: {command: [ls]}}]}
"""
OTHER = ONE_NODE.replace("studio", "annex").replace("n1", "n2")


def folder(tmp_path, **files):
    for name, text in files.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    return tmp_path


def faults(paths):
    with pytest.raises(ManifestError) as caught:
        read_clusters(paths)
    return caught.value.faults


def test_a_folder_gives_its_clusters_its_free_nodes_and_their_texts(tmp_path):
    found = read_clusters([folder(tmp_path, a=ONE_NODE, b=FREE_KEYS)])
    assert [each.name for each in found.clusters] == ["studio"]
    assert [each.name for each in found.nodes] == ["desk"]
    assert found.sheets == (
        Sheet(name=str(tmp_path / "a.yaml"), text=ONE_NODE),
        Sheet(name=str(tmp_path / "b.yaml"), text=FREE_KEYS),
    )


def test_the_controller_reads_from_the_texts_what_the_client_read_from_the_files(tmp_path):
    found = read_clusters([folder(tmp_path, a=EVERY_KEY, b=FREE_KEYS, c=OTHER)])
    assert parse_sheets(found.sheets) == found


def test_a_controller_is_sent_only_what_it_needs(tmp_path):
    found = read_clusters([folder(tmp_path, a=ONE_NODE, b=FREE_KEYS, c=OTHER)])
    assert [sheet.text for sheet in found.sheets_of("annex")] == [OTHER]
    assert [sheet.text for sheet in found.sheets_of("")] == [FREE_KEYS]


def test_one_file_named_twice_is_read_once(tmp_path):
    folder(tmp_path, a=ONE_NODE)
    found = read_clusters([tmp_path, tmp_path / "a.yaml"])
    assert (len(found.clusters), len(found.sheets)) == (1, 1)


def test_jobs_in_a_folder_are_passed_over(tmp_path):
    found = read_clusters([folder(tmp_path, a=ONE_NODE, job=BATCH)])
    assert [sheet.text for sheet in found.sheets] == [ONE_NODE]


@pytest.mark.parametrize("text", [BATCH, f"{ONE_NODE}---\n{BATCH}"], ids=["alone", "beside"])
def test_a_job_that_is_named_is_refused(tmp_path, text):
    folder(tmp_path, job=text)
    told = faults([tmp_path / "job.yaml"])
    assert any("kind: a Batch is not applied, but submitted" in fault for fault in told)


def test_every_fault_of_every_file_is_told_at_once(tmp_path):
    bad = ONE_NODE.replace("render", "rende")
    folder(tmp_path, a=bad, b=NODE.replace("desk", "Desk"), c="kind: Nobody\n")
    told = faults([tmp_path])
    assert [fault.split(": ")[0].rpartition("/")[2] for fault in told] == [
        "a.yaml:7:29",
        "b.yaml:3:18",
        "c.yaml:1:7",
    ]


def test_a_controller_tells_faults_at_their_place_in_the_clients_file():
    bad = Sheet(name="clusters.d/a.yaml", text=ONE_NODE.replace("n1", "N1"))
    with pytest.raises(ManifestError) as caught:
        parse_sheets([bad, Sheet(name="b.yaml", text="\ufeffkind: Cluster")])
    assert [fault.split(": ")[0] for fault in caught.value.faults] == [
        "clusters.d/a.yaml:7:14",
        "b.yaml:1:1",
    ]


@pytest.mark.parametrize("text", ["", "[" * 4000, "a: \ud800", "x" * 200_000, "kind: *a"])
def test_a_text_that_is_no_manifest_is_refused_as_a_file_is(text):
    with pytest.raises(ManifestError, match=r"^sheet:1:"):
        parse_sheets([Sheet(name="sheet", text=text)])


def test_nothing_to_apply_is_told(tmp_path):
    (told,) = faults([folder(tmp_path, job=BATCH)])
    assert "no Cluster or Node here to be applied" in told
    with pytest.raises(ManifestError, match="no Cluster or Node here"):
        parse_sheets([])


@pytest.mark.parametrize("text", [ONE_NODE, NODE], ids=["Cluster", "Node"])
def test_one_name_in_two_files_is_refused(tmp_path, text):
    told = faults([folder(tmp_path, a=text, b=text)])
    assert "stands in" in told[0]
    assert "/a.yaml:1 already; remove one" in told[0]


def test_one_machine_in_two_clusters_is_refused_by_name(tmp_path):
    (told,) = faults([folder(tmp_path, a=ONE_NODE, b=ONE_NODE.replace("studio", "annex"))])
    assert "b.yaml:7:7: spec.nodes[0]: the machine 'n1' belongs to node 'n1'" in told
    assert "of cluster 'studio' already" in told
    assert "/a.yaml:7); remove one of the two" in told


def test_a_machine_is_free_or_managed_not_both(tmp_path):
    (told,) = faults([folder(tmp_path, a=ONE_NODE, b=NODE.replace("desk", "n1"))])
    assert "the machine 'n1' belongs to node 'n1' of cluster 'studio'" in told


def test_two_quick_clusters_may_be_this_computer_one_at_a_time(tmp_path):
    other = QUICK.replace("studio", "corner")
    found = read_clusters([folder(tmp_path, a=QUICK, b=other)])
    assert len(found.clusters) == 2


def test_the_only_cluster_needs_no_name():
    found = parse_sheets([Sheet(name="a", text=ONE_NODE)])
    assert found.cluster() == found.cluster("studio")


def test_a_name_that_there_is_not_is_answered_with_those_there_are():
    found = parse_sheets([Sheet(name="a", text=f"{ONE_NODE}---\n{OTHER}")])
    with pytest.raises(NotThere, match="'studo': none of these files has it; did you mean 'studio"):
        found.cluster("studo")
    with pytest.raises(Refusal, match="--cluster: name one of studio, annex; there are 2"):
        found.cluster()
    with pytest.raises(Refusal, match="no Cluster document; there are 0"):
        parse_sheets([Sheet(name="a", text=NODE)]).cluster()


def test_a_managed_cluster_without_a_node_needs_leave_to_take_free_ones():
    with pytest.raises(ManifestError, match="a managed cluster needs a node"):
        parse_sheets([Sheet(name="a", text=MANAGED)])
    assert parse_sheets([Sheet(name="a", text=f"{MANAGED}  acceptUnmanaged: true\n")]).clusters
