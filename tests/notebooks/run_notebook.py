"""Execute a notebook in a kernel of this interpreter: run_notebook.py IN.ipynb OUT.ipynb OUT.html.

It is a separate process, so that warnings of the notebook libraries, and files that they leave
open, do not affect the tests.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path


def use_this_interpreter(folder: Path) -> None:
    """Let the kernel "python3" be this interpreter, and read and write nothing at home."""
    kernel = folder / "kernels" / "python3"
    kernel.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": command, "display_name": "Python 3", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(spec))
    for name in ("JUPYTER_PATH", "JUPYTER_DATA_DIR"):
        os.environ[name] = str(folder)
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
        os.environ[name] = str(folder / name.lower())
    os.environ["JUPYTER_PLATFORM_DIRS"] = "1"


def main(source: str, target: str, page: str) -> None:
    use_this_interpreter(Path(target).parent / "jupyter")

    # imported by name, as they are typed in some versions only
    nbclient, nbconvert, nbformat = map(
        importlib.import_module, ("nbclient", "nbconvert", "nbformat")
    )
    notebook = nbformat.read(source, as_version=4)
    folder = {"metadata": {"path": str(Path(target).parent)}}
    client = nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3", resources=folder)
    try:
        client.execute()
    finally:
        nbformat.write(notebook, target)
    html, _ = nbconvert.HTMLExporter().from_notebook_node(notebook)
    Path(page).write_text(html, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
