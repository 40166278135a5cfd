"""Packs a wheel of the extension that cargo has built: `pack.py EXTENSION FOLDER`, and prints the wheel's path.

For tests. maturin would compile every dependency again, with the features that this crate alone asks for; this packs what the
workspace has compiled already. `cargo xtask wheel` makes the wheels that are published, with maturin.
"""
import base64
import hashlib
import pathlib
import sys
import sysconfig
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
WHEEL = "Wheel-Version: 1.0\nGenerator: weighbridge pack.py\nRoot-Is-Purelib: false\nTag: {tag}\n"


def version():
    """The one number, which is Cargo's."""
    for line in (HERE.parent.parent / "Cargo.toml").read_text(encoding="utf-8").splitlines():
        if line.startswith("version = "):
            return line.split('"')[1]
    sys.exit("the workspace's Cargo.toml has no version")


def main():
    extension, folder = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    number, platform = version(), sysconfig.get_platform().replace("-", "_").replace(".", "_")
    tag, info = f"cp39-abi3-{platform}", f"weighbridge-{number}.dist-info"
    readme = (HERE / "README.md").read_text(encoding="utf-8")
    metadata = f"Metadata-Version: 2.4\nName: weighbridge\nVersion: {number}\nRequires-Python: >=3.9\nDescription-Content-Type: text/markdown\n\n{readme}"
    files = {f"weighbridge/{path.name}": path.read_bytes() for path in sorted((HERE / "python/weighbridge").iterdir()) if path.is_file()}
    files["weighbridge/_native.abi3.so"] = extension.read_bytes()
    files[f"{info}/METADATA"] = metadata.encode()
    files[f"{info}/WHEEL"] = WHEEL.format(tag=tag).encode()
    record = f"{info}/RECORD"
    lines = [
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()},{len(data)}"
        for name, data in files.items()
    ]
    files[record] = "\n".join([*lines, f"{record},,", ""]).encode()
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"weighbridge-{number}-{tag}.whl"
    # Stored: it is unpacked at once, and an extension with debug information is large.
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    print(wheel)


if __name__ == "__main__":
    main()
