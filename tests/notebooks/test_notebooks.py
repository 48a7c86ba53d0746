"""The example notebooks run without errors; what a kernel displays."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from kernel import execute, execute_file, outputs, shown

NOTEBOOKS = Path(__file__).resolve().parent.parent.parent / "docs" / "notebooks"
WIDGET = "application/vnd.jupyter.widget-view+json"

SERVER = """
from openwebui_users import UsersClient, admin
from openwebui_users.testing import EmbeddedServer
server = EmbeddedServer().start()
user = server.add_user("Ann", "ann@example.com")
client = UsersClient(server.url, server.admin_token)
"""
STOP = "client.close(); server.stop()"


def test_all_notebooks_are_tested() -> None:
    assert {path.name for path in NOTEBOOKS.iterdir()} == {
        "administration.ipynb",
        "analysis.ipynb",
    }


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_notebooks_are_kept_without_outputs(path: Path) -> None:
    cells = [one for one in json.loads(path.read_text())["cells"] if one["cell_type"] == "code"]
    assert cells
    assert not any(one["outputs"] or one["execution_count"] for one in cells)


def test_the_notebook_of_analysis(tmp_path: Path) -> None:
    done = execute_file(NOTEBOOKS / "analysis.ipynb", tmp_path)
    assert not [one for one in outputs(done) if one["output_type"] == "stream"]
    tables = shown(done, "text/html")
    assert "UserGroupIdsListResponse" in tables[0] and "person7@example.com" in tables[1]
    assert any("not active for 90 days" in table for table in tables)
    assert any("<th>count</th>" in table and "<th>pending</th>" in table for table in tables)
    assert len(shown(done, "image/png")) == 4
    assert "201" in shown(done, "text/plain")


def test_the_notebook_of_administration(tmp_path: Path) -> None:
    done = execute_file(NOTEBOOKS / "administration.ipynb", tmp_path)
    (printed,) = [one for one in outputs(done) if one["output_type"] == "stream"]
    assert printed["name"] == "stdout"
    assert "row 5 (dan@example.com) column role" in "".join(printed["text"])
    tables = "".join(shown(done, "text/html"))
    for text in ("✓ created", "− user dan@example.com", "no differences", "✓ deleted"):
        assert text in tables
    assert len(shown(done, WIDGET)) == 1


def test_progress_is_a_widget(tmp_path: Path) -> None:
    call = "result = admin.set_role(client, 'pending', [user.id], progress=True)"
    done = execute([SERVER, call, STOP], tmp_path)
    assert len(shown(done, WIDGET)) == 1
    assert not [one for one in outputs(done) if one["output_type"] == "stream"]
    state = json.loads(done.read_text())["metadata"]["widgets"]
    (kind,) = state
    values = [one["state"].get("value") for one in state[kind]["state"].values()]
    assert 1.0 in values  # of the bar
    assert any("100%" in str(value) for value in values)


def test_progress_is_text_without_ipywidgets(tmp_path: Path) -> None:
    hide = "import sys, warnings; sys.modules['ipywidgets'] = None; warnings.simplefilter('error')"
    call = "result = admin.set_role(client, 'pending', [user.id], progress=True)"
    done = execute([hide, SERVER, call, STOP], tmp_path)
    assert not shown(done, WIDGET)
    told = "".join("".join(one.get("text", "")) for one in outputs(done))
    assert "set_role: 100%" in told and "Warning" not in told


def test_progress_is_text_without_tqdm(tmp_path: Path) -> None:
    hide = "import sys; sys.modules['tqdm'] = None"
    call = "result = admin.set_role(client, 'pending', [user.id], progress=True)"
    done = execute([hide, SERVER, call, STOP], tmp_path)
    told = "".join("".join(one.get("text", "")) for one in outputs(done))
    assert "set_role: 1/1" in told


def test_a_kernel_shows_tables_and_pictures(tmp_path: Path) -> None:
    cells = [
        SERVER,
        "client.get_users()",
        "client.stats()",
        "from openwebui_users.plot import plot_roles; plot_roles(client.iter_users())",
        STOP,
    ]
    done = execute(cells, tmp_path)
    assert len(shown(done, "text/html")) == 2
    assert len(shown(done, "image/png")) == 1
