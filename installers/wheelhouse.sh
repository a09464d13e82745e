#!/bin/sh
# Gathers in a folder all that install.sh needs on hosts without a package index: wheels of the project and of what it
# stands on, the locks, the units and install.sh itself. Needs `make setup` and the network.
#   wheelhouse.sh DIR [PYTHON...]     for these versions of Python, such as 3.11 3.12; default: this checkout's
#   ARCH=aarch64 wheelhouse.sh DIR    for hosts of another architecture than this one
set -eu
cd "$(dirname "$0")/.."

fail() {
    echo "wheelhouse: $*" >&2
    exit 1
}

[ $# -ge 1 ] || fail "name the folder: wheelhouse.sh DIR [PYTHON...]"
[ -x .venv/bin/python ] || fail "there is no .venv yet: make setup"
folder=$1
shift
# Changed into place when it is complete.
new=$folder.new
arch=${ARCH:-$(uname -m)}
pythons=${*:-$(.venv/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])')}
log=.make/wheelhouse.log
mkdir -p .make

pip() {
    .venv/bin/python -m pip --disable-pip-version-check --no-input "$@" >"$log" 2>&1 ||
        fail "pip failed: $(grep -m1 -i '^error' "$log" || tail -n 1 "$log") [$log]"
}

rm -rf "$new"
mkdir -p "$new"
pip wheel --no-deps --no-build-isolation --wheel-dir "$new" .
wheel=$(basename "$new"/homeport-*.whl)
version=$(echo "$wheel" | cut -d - -f 2)
digest=$(sha256sum "$new/$wheel" | cut -d ' ' -f 1)

for role in agent server; do
    echo "wheelhouse: $role $version for Python $pythons on $arch"
    for python in $pythons; do
        abi=cp$(echo "$python" | tr -d .)
        pip download --require-hashes --no-deps --only-binary :all: --dest "$new" --requirement "requirements/$role.txt" \
            --implementation cp --python-version "$python" --abi "$abi" --abi abi3 --abi none \
            --platform "manylinux_2_28_$arch" --platform "manylinux_2_17_$arch" --platform "manylinux2014_$arch" \
            --platform "manylinux_2_12_$arch" --platform "manylinux2010_$arch" --platform "manylinux1_$arch"
    done
    { cat "requirements/$role.txt"; echo "homeport==$version --hash=sha256:$digest"; } >"$new/$role.txt"
done
echo "$pythons" >"$new/pythons"
echo "$arch" >"$new/architecture"
cp installers/homeport-* "$new/"
(cd "$new" && sha256sum -- * >../wheelhouse.sums && mv ../wheelhouse.sums SHA256SUMS)
# Whoever knows the digest of install.sh can trust everything else by it.
sed "s/^sums=\$/sums=$(sha256sum "$new/SHA256SUMS" | cut -d ' ' -f 1)/" installers/install.sh >"$new/install.sh"
rm -rf "$folder"
mv "$new" "$folder"
echo "wheelhouse: $folder, $(du -sh "$folder" | cut -f 1): sh $folder/install.sh --help"
