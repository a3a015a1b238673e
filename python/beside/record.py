"""Writes down what the scripts say: `python3 record.py`, once for each version that matters.

What a later version says differently goes into a file of its own, `NAME.3.13.txt`.
"""

import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
FIRST = (3, 11)

for script in sorted(HERE.glob("*.py")):
    if script.stem in ["clock", "record"]:
        continue
    said = subprocess.run(
        [sys.executable, "-B", script], capture_output=True, text=True, check=True
    ).stdout
    version = sys.version_info[:2]
    names = [f"{script.stem}.3.{minor}.txt" for minor in range(version[1], FIRST[1], -1)]
    names.append(f"{script.stem}.txt")
    files = [HERE / "recorded" / name for name in names]
    latest = next((file for file in files if file.exists()), None)
    if latest is None or (said != latest.read_text() and version == FIRST):
        files[-1].write_text(said)
    elif said != latest.read_text():
        files[0].write_text(said)
