"""Makes a wheel of the package in this folder: ``python make_wheel.py DESTINATION``.

A wheel is a zip with three files of metadata. The library is for this machine's kind of system and for
every CPython from 3.11 on (the stable ABI), so the tag says just that. maturin makes the same wheel from
``pyproject.toml`` for those who build from source.
"""

from __future__ import annotations

import base64
import hashlib
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path


def main() -> None:
    here = Path(__file__).parent
    project = tomllib.loads((here / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    name = project["name"].replace("-", "_")
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    tag = f"cp311-abi3-{platform}"
    info = f"{name}-{project['version']}.dist-info"
    files = {
        path.relative_to(here).as_posix(): path.read_bytes()
        for path in sorted((here / "crm_engine").iterdir())
        if path.is_file()
    }
    licences = sorted(here.glob("LICENSE-*"))
    files[f"{info}/METADATA"] = (
        "Metadata-Version: 2.4\n"
        f"Name: {project['name']}\n"
        f"Version: {project['version']}\n"
        f"Summary: {project['description']}\n"
        f"License-Expression: {project['license']}\n"
        f"Requires-Python: {project['requires-python']}\n"
        + "".join(f"License-File: {licence.name}\n" for licence in licences)
        + "Description-Content-Type: text/markdown\n\n"
        + (here / "README.md").read_text(encoding="utf-8")
    ).encode()
    for licence in licences:
        files[f"{info}/licenses/{licence.name}"] = licence.read_bytes()
    files[f"{info}/WHEEL"] = (
        "Wheel-Version: 1.0\n"
        "Generator: make_wheel\n"
        "Root-Is-Purelib: false\n"
        f"Tag: {tag}\n"
    ).encode()
    record = [
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip('=')},{len(data)}"
        for path, data in files.items()
    ]
    files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""]).encode()
    destination = Path(sys.argv[1]) / f"{name}-{project['version']}-{tag}.whl"
    with zipfile.ZipFile(destination, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as wheel:
        for path, data in files.items():
            entry = zipfile.ZipInfo(path)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            wheel.writestr(entry, data)
    print(destination.name)


if __name__ == "__main__":
    main()
