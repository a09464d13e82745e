#!/bin/sh
# Fails when the committed protobuf code is not what the .proto files give. Works on a copy: checking changes nothing.
set -eu
cd "$(dirname "$0")/.."
rm -rf .make/proto
mkdir -p .make
cp -R proto .make/proto
if ! PATH="$PWD/.venv/bin:$PATH" .venv/bin/python .make/proto/generate.py >.make/proto.log 2>&1; then
    cat .make/proto.log >&2
    exit 1
fi
if ! diff -r -q -x __pycache__ proto .make/proto; then
    echo "the generated protobuf code is not fresh: run make proto, and commit what changes" >&2
    exit 1
fi
echo "generated protobuf code is fresh"
