"""What the checkout has, the wheel has; and nothing else lands in site-packages."""

import configparser
import zipfile

import pytest
import wheels


@pytest.fixture
def config(root):
    config = configparser.ConfigParser()
    config.read(root / "setup.cfg")
    return config


@pytest.fixture(scope="module")
def wheel(root, tmp_path_factory):
    with zipfile.ZipFile(wheels.build(root, tmp_path_factory.mktemp("built"))) as opened:
        yield opened


def folders(parent):
    """Return the packages below `parent`, dotted."""
    inits = parent.rglob("__init__.py")
    return {".".join(init.parent.relative_to(parent).parts) for init in inits}


def test_every_package_is_listed(root, config):
    """An editable install finds a forgotten package all the same; a wheel does not."""
    core = {f"orchestrator.{name}".rstrip(".") for name in folders(root / "orchestrator")}
    found = core | {"orchestrator.schemas"} | folders(root / "plugins")
    assert set(config["options"]["packages"].split()) == found


def test_plugins_and_schemas_are_no_top_level_packages(root):
    assert not (root / "plugins" / "__init__.py").exists()
    assert (root / "schemas" / "__init__.py").exists()


@pytest.mark.timeout(300)
def test_wheel_brings_only_our_own_names(root, wheel):
    top = {name.split("/")[0] for name in wheel.namelist() if ".dist-info/" not in name}
    assert top == {"orchestrator", *(each.name for each in (root / "plugins").iterdir())}


@pytest.mark.timeout(300)
def test_wheel_holds_every_file_of_its_packages(root, wheel):
    """A data file that no `package_data` line covers works editable and is missing here."""
    names = set(wheel.namelist())
    at = {"orchestrator": "", "plugins": "", "schemas": "orchestrator/"}
    wanted = set()
    for name, prefix in at.items():
        base = root / name if name == "plugins" else root
        files = (path for path in (root / name).rglob("*") if path.is_file())
        wanted |= {
            prefix + path.relative_to(base).as_posix()
            for path in files
            if "__pycache__" not in path.parts and path.suffix != ".md"
        }
    assert wanted - names == set()


@pytest.mark.timeout(300)
def test_wheel_brings_the_licence(root, wheel):
    (name,) = (name for name in wheel.namelist() if name.endswith("/LICENSE"))
    assert wheel.read(name) == (root / "LICENSE").read_bytes()
    assert len((root / "LICENSE").read_bytes()) == 11358  # the text as Apache publishes it
