#!/usr/bin/env bash
# A compute cluster, a nodepool and a deployment from the files in examples/seeds, as they are, by command line.
#
#   make run                        # in one terminal: a control plane on this machine
#   bash examples/seeds-flow.sh     # in another
#
# This machine joins the nodepool as a second node, and leaves it at the end; everything made here is deleted again.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="$PWD/.venv/bin:$PATH"
seeds=examples/seeds
version=got-ocr-2_0/5d92321db5d341b5b4cf407ab34f618f
host=$(mktemp -d) # the state of the agent that runs here
agent=

end() {
  [ -z "$agent" ] || { kill "$agent" && wait "$agent" || true; }
  rm -rf "$host"
}
trap end EXIT

step() { printf '\n# %s\n' "$*"; }

step "A compute cluster and a nodepool in it"
homeport computecluster create test-compute-cluster --config $seeds/compute_cluster_config.yaml
homeport nodepool create test-compute-cluster test-nodepool --config $seeds/nodepool_config.yaml
homeport cc list
homeport np list test-compute-cluster

step "This machine becomes a node of it"
join=$(homeport join-token create --nodepool test-compute-cluster/test-nodepool -o json | sed -n 's/.*"command": "\(.*\)".*/\1/p')
$join --state-dir "$host"
homeport-agent run --state-dir "$host" --allow-driver process --stop-replicas-on-exit 2>"$host/agent.log" &
agent=$!

step "The model that deployment_config.yaml names: its OCR model needs a GPU, so a small language model stands in"
homeport model create -f $seeds/model/config.yaml
homeport model create got-ocr-2_0 --description "A stand-in"
homeport model version create $version --driver process --working-directory "$PWD" --cpu 1 --memory 512Mi \
  --command ".models/smollm2/bin/python examples/models/smollm2/serve.py --port {port}"

step "A deployment, first as a rehearsal"
homeport apply -f $seeds/deployment_config.yaml --dry-run
homeport deployment create test-nodepool test-deployment --config $seeds/deployment_config.yaml
homeport get deployment/test-deployment -o yaml | homeport apply -f - # what is shown can be applied again

step "No replica runs yet (min_replicas: 0): the first request starts one"
homeport chat test-deployment --max-tokens 16 "What is a harbour?"
homeport dp list test-nodepool

step "Kept warm, then stopped, started and restarted"
homeport deployment scale test-deployment 1 --watch
homeport deployment stop test-deployment --watch
homeport deployment start test-deployment --watch
homeport deployment restart test-deployment --watch
homeport deployment get test-deployment

step "Everything goes again, children first"
homeport deployment delete test-deployment --yes
homeport delete version/$version --yes
homeport model delete got-ocr-2_0 --yes
homeport model delete my-model --yes
node=$(homeport node list --nodepool test-compute-cluster/test-nodepool -o json | sed -n 's/^    "id": "\(.*\)",/\1/p')
homeport node delete "$node" --yes
homeport nodepool delete test-compute-cluster test-nodepool --yes
homeport computecluster delete test-compute-cluster --yes
