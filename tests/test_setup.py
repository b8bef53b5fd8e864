"""script/setup on machines that lack something: one clear line each, and nothing taken that was not agreed to."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
TOOLS = ("bash", "dirname", "cat", "cksum", "grep", "head", "df", "awk", "du", "cut")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout that was never set up, as far as script/setup looks."""
    (tmp_path / "checkout" / "script").mkdir(parents=True)
    shutil.copy(CHECKOUT / "script" / "setup", tmp_path / "checkout" / "script")
    for name in ("requirements.txt", "requirements-dev.txt", "constraints.txt"):
        shutil.copy(CHECKOUT / name, tmp_path / "checkout")
    return tmp_path / "checkout"


@pytest.fixture
def bare_path(tmp_path: Path) -> Path:
    """A folder for PATH that holds the system's tools and no Python."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found, f"{tool} is missing on this machine"
        (folder / tool).symlink_to(found)
    return folder


def program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def setup(checkout: Path, *arguments: str, timeout: int = 120, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHON", "INVERSIGHT_TORCH_INDEX")}
    command = [str(checkout / "script" / "setup"), *arguments]
    return subprocess.run(command, env={**kept, **environment}, capture_output=True, text=True, timeout=timeout)


def test_machine_without_python_is_told_what_to_install(checkout: Path, bare_path: Path) -> None:
    done = setup(checkout, PATH=str(bare_path))
    assert done.returncode == 1
    assert done.stderr == (
        "script/setup: No Python was found. Install Python 3.11 or newer, or name it: PYTHON=/path/to/python3 script/setup\n"
    )


def test_old_python_is_named_with_its_version(checkout: Path, bare_path: Path) -> None:
    program(bare_path / "python3", '#!/bin/sh\n[ "$1" = -V ] && echo "Python 3.9.2"\nexit 1\n')
    done = setup(checkout, PATH=str(bare_path))
    assert done.returncode == 1
    assert done.stderr.startswith("script/setup: Python 3.11 or newer is needed; the newest found here is 3.9.2.")
    assert done.stderr.count("\n") == 1
    assert not (checkout / ".venv").exists()


def test_python_without_venv_module_is_told_the_package(checkout: Path, bare_path: Path) -> None:
    stripped = f'#!/bin/sh\ncase "$2" in *venv*) exit 1;; esac\nexec {sys.executable} "$@"\n'
    program(bare_path / "python3", stripped)
    done = setup(checkout, PATH=str(bare_path))
    assert done.returncode == 1
    assert "apt install python3-venv" in done.stderr
    assert done.stderr.count("\n") == 1


def test_small_disk_is_refused_before_anything_is_written(checkout: Path, bare_path: Path) -> None:
    (bare_path / "python3").symlink_to(sys.executable)
    (bare_path / "df").unlink()
    program(bare_path / "df", "#!/bin/sh\necho Filesystem 1024-blocks Used Available Capacity Mounted\necho /dev/x 9 9 812000 99% /\n")
    done = setup(checkout, PATH=str(bare_path))
    assert done.returncode == 1
    assert done.stderr == "script/setup: 4 GB of free disk are needed here; 812 MB are free.\n"
    assert not (checkout / ".venv").exists()


@pytest.mark.parametrize("arguments", [("--fast",), ("--torch-index",)])
def test_unknown_or_unfinished_option_is_refused(checkout: Path, arguments: tuple[str, ...]) -> None:
    assert setup(checkout, *arguments).returncode in (1, 2)
    assert not (checkout / ".venv").exists()


def torch_wheel(folder: Path, needs: str) -> None:
    """A wheel called torch 2.13.0 whose only content is what it depends on."""
    info = "torch-2.13.0.dist-info"
    files = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: torch\nVersion: 2.13.0\n{needs}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = [f"{info}/RECORD,,"]
    folder.mkdir()
    with zipfile.ZipFile(folder / "torch-2.13.0-py3-none-any.whl", "w") as wheel:
        for name, text in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            record.append(f"{name},sha256={digest},{len(text)}")
            wheel.writestr(name, text)
        wheel.writestr(f"{info}/RECORD", "\n".join(record) + "\n")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a CUDA build to refuse")
def test_machine_without_gpu_takes_the_cuda_build_only_when_told(checkout: Path, tmp_path: Path) -> None:
    if shutil.which("nvidia-smi") or Path("/dev/nvidia0").exists():
        pytest.skip("this machine has an NVIDIA GPU, so the CUDA build is the right one")
    torch_wheel(tmp_path / "wheels", "Requires-Dist: nvidia-cublas-cu13==13.1; platform_system == 'Linux'\n")
    # No index at all: PyTorch's CPU index cannot be reached, and nothing after torch can be installed.
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path / "wheels"), "PIP_CONFIG_FILE": os.devnull, "PYTHON": sys.executable}

    refused = setup(checkout, **offline)
    assert refused.returncode == 1
    assert "give --allow-cuda to take it" in refused.stderr.splitlines()[-1]
    assert installed_torch(checkout) == "none"

    taken = setup(checkout, "--allow-cuda", **offline)
    assert "installing the CUDA build" in taken.stdout
    assert installed_torch(checkout) == "2.13.0"
    # Everything else is still missing, and the last line says how to go on.
    assert taken.returncode == 1
    assert taken.stderr.splitlines()[-1].endswith("run script/setup again: it goes on where it stopped.")
    assert not (checkout / ".venv" / ".ready").exists()


def installed_torch(checkout: Path) -> str:
    code = "import importlib.metadata as m\ntry: print(m.version('torch'))\nexcept m.PackageNotFoundError: print('none')"
    return subprocess.run([checkout / ".venv" / "bin" / "python", "-c", code], capture_output=True, text=True).stdout.strip()


def test_second_run_takes_under_ten_seconds() -> None:
    assert setup(CHECKOUT, "--dev").returncode == 0
    started = time.monotonic()
    done = setup(CHECKOUT, "--dev")
    assert time.monotonic() - started < 10
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def names(text: str) -> set[str]:
    lines = [line.split("#")[0].strip() for line in text.splitlines()]
    found = [re.match(r"[A-Za-z0-9_.-]+", line) for line in lines if line and not line.startswith("-")]
    return {re.sub(r"[-_.]+", "-", match.group()).lower() for match in found if match}


def test_everything_required_is_pinned() -> None:
    pins = (CHECKOUT / "constraints.txt").read_text()
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][0-9A-Za-z.]*", line) for line in pins.splitlines()), (
        "an exact version without local tag"
    )
    required = names((CHECKOUT / "requirements.txt").read_text()) | names((CHECKOUT / "requirements-dev.txt").read_text())
    assert required <= names(pins)


@pytest.mark.evidence
@pytest.mark.timeout(900)
def test_fresh_checkout_sets_itself_up_and_measures(checkout: Path) -> None:
    done = setup(checkout, timeout=840, PYTHON=sys.executable)
    assert done.returncode == 0, done.stderr
    assert "Ready: Python 3." in done.stdout
    code = "import torch, sklearn, pandas, django, skops, reportlab; print(torch.ones(3).sum().item())"
    answer = subprocess.run([checkout / ".venv" / "bin" / "python", "-c", code], capture_output=True, text=True, timeout=120)
    assert answer.stdout.strip() == "3.0", answer.stderr
