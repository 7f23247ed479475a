"""Records what CPython prints for every program in this directory.

Each NNN_name.py is run with the interpreter that runs this script, and what it
prints becomes NNN_name.out, which the Go twins in parity_*_test.go are compared
with. The programs use asyncio as of Python 3.11 and avoid what later releases
changed, so that the recordings do not depend on the release.
"""

import pathlib
import subprocess
import sys


def main():
    if sys.version_info < (3, 11):
        sys.exit(f"record.py: needs Python 3.11 or later, this is {sys.version.split()[0]}")
    here = pathlib.Path(__file__).resolve().parent
    for script in sorted(here.glob("[0-9]*.py")):
        run = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=60)
        if run.returncode != 0 or run.stderr:
            sys.exit(f"record.py: {script.name} failed:\n{run.stderr}")
        out = script.with_suffix(".out")
        changed = not out.exists() or out.read_text() != run.stdout
        out.write_text(run.stdout, newline="\n")
        if changed:
            print("recorded", script.name)


if __name__ == "__main__":
    main()
