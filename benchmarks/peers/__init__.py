"""Other tools for the same work, each in an environment of its own under `.peers/`.

`python -m benchmarks.peers` makes the environments. What runs in one is a script of this folder, by the tool's
documented way; scripts print one line of JSON and write their clusters as Parquet (`row`, `cluster`).
"""

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parents[2] / ".peers"
REQUIREMENTS = {
    "daft": ["daft==0.7.26", "pyarrow<26", "numpy", "polars~=2.1"],
    "datasketch": ["datasketch==2.0.0", "xxhash", "pyarrow", "polars~=2.1"],
    "rensa": ["rensa==0.5.0", "polars~=2.1", "numpy"],
    "datatrove": ["datatrove[processing]==0.10.0", "spacy", "pyarrow", "polars~=2.1"],
    "text-dedup": ["text-dedup==0.4.0", "polars~=2.1"],
    "gaoya": ["gaoya==0.2.2", "polars~=2.1", "numpy"],
    "FastSketchLSH": ["FastSketchLSH==1.0.1", "polars~=2.1", "numpy"],
    "polars": ["polars==2.1.0", "numpy"],
    "label-studio-sdk": ["label-studio-sdk==2.1.2"],
    # Its environs reads a field that marshmallow 4 no longer has, its pandas 1.5 was built for NumPy 1.
    "doccano": ["doccano==1.8.4", "marshmallow<4", "numpy<2", "setuptools<81"],
}


def python(peer: str) -> Path | None:
    """The interpreter of a peer's environment; None where it was not made."""
    path = FOLDER / peer / "bin" / "python"
    return path if path.exists() else None


def version(peer: str) -> str:
    """What is installed in a peer's environment."""
    command = [str(python(peer)), "-c", f"from importlib.metadata import version; print(version({peer!r}))"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def install() -> None:
    """Makes the environments that are not there."""
    for peer, requirements in REQUIREMENTS.items():
        if python(peer) is None:
            print(f"installing {peer} ...")
            subprocess.run([sys.executable, "-m", "venv", str(FOLDER / peer)], check=True)
            pip = [str(FOLDER / peer / "bin" / "python"), "-m", "pip", "install", "--quiet", *requirements]
            subprocess.run(pip, check=True)
