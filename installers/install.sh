#!/bin/sh
# Installs a Homeport agent or control plane as a service of systemd; run again it upgrades in place. See --help.
#
# Where things go: /opt/homeport/ROLE/releases/VERSION-DIGEST (a Python environment each; `current` is switched by
# rename), /etc/homeport (what a person may change), /var/lib/homeport-ROLE (what must not get lost).
set -eu
umask 022

# The digest of the wheelhouse's SHA256SUMS; wheelhouse.sh writes it here.
sums=

usage() {
    cat <<'END'
Usage, as root:
  install.sh agent --server HOST[:8442] --token TOKEN    install, join, start; `homeport node add` prints this line
  install.sh server [--advertise HOST]                   install and start the control plane
  install.sh server --control-plane HOST[:8442] --token TOKEN [--advertise HOST]
                                                         instead of one a gateway for it: homeport gateway join-token
  install.sh agent|server                                upgrade what is installed
  install.sh agent|server --uninstall                    stop and remove it; keeps /etc/homeport and /var/lib/homeport-*
  install.sh agent|server --purge [--yes]                remove these and the user, too

Options:
  --wheelhouse DIR|URL   where the wheels are; default: beside this script. In a checkout without any: pip's own index
  --drivers LIST         what may run models on this host, for a new /etc/homeport/agent.toml (default: docker)
  --name NAME            the node's name (default: the hostname)
  --local-gateway ADDRESS:PORT
                         let this host serve its site's clients there, for a new agent.toml (default: it listens to nobody)
  --advertise HOST       the name or address by which hosts reach this control plane or gateway (default: this host's)
  --daemon-reload        let systemd reload its units even though containers with GPUs run here
  --yes                  do not ask
PYTHON=/path/to/python chooses the interpreter (3.11 or newer).
END
}

say() {
    echo "install.sh: $*"
}

fail() {
    echo "install.sh: $*" >&2
    exit 1
}

main() {
    role= server= control_plane= token= name= drivers=docker local_gateway= advertise= wheelhouse= action=install yes= may_reload=
    parse "$@"
    [ "$(id -u)" = 0 ] || fail "this must run as root: sudo sh install.sh ..."
    unit=homeport-$role.service
    user=homeport-$role
    state=/var/lib/homeport-$role
    root=/opt/homeport/$role
    if [ -d /run/systemd/system ]; then :; else
        fail "systemd does not run here; without it, start homeport-$role by hand (docs/install.md)"
    fi
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    case $action in
    install) install_role ;;
    uninstall) uninstall ;;
    purge) purge ;;
    esac
}

parse() {
    while [ $# -gt 0 ]; do
        case $1 in
        agent | server) role=$1 ;;
        --server | --control-plane | --token | --name | --drivers | --local-gateway | --advertise | --wheelhouse)
            [ $# -ge 2 ] || fail "$1 needs a value; see install.sh --help"
            case $1 in
            --server) server=$2 ;;
            --control-plane) control_plane=$2 ;;
            --token) token=$2 ;;
            --name) name=$2 ;;
            --drivers) drivers=$2 ;;
            --local-gateway) local_gateway=$2 ;;
            --advertise) advertise=$2 ;;
            --wheelhouse) wheelhouse=$2 ;;
            esac
            shift
            ;;
        --uninstall) action=uninstall ;;
        --purge) action=purge ;;
        --yes) yes=yes ;;
        --daemon-reload) may_reload=yes ;;
        -h | --help) usage && exit 0 ;;
        *) fail "unknown argument $1; see install.sh --help" ;;
        esac
        shift
    done
    [ -n "$role" ] || fail "say what to install: install.sh agent ..., or install.sh server ...; see --help"
}

install_role() {
    if [ "$role" = server ] && [ -n "$control_plane" ] && [ -z "$token" ]; then
        fail "a gateway joins $control_plane with a token: add --token TOKEN (homeport gateway join-token NAME makes one)"
    fi
    if [ -n "$control_plane" ] && [ -f /etc/homeport/server.env ] && ! is_gateway; then
        fail "this host has a control plane: a gateway goes on a host of its own"
    fi
    if [ "$role" = agent ] && ! has_joined && { [ -z "$server" ] || [ -z "$token" ]; }; then
        fail "this host has not joined yet: give --server HOST and --token TOKEN (homeport node add prints both)"
    fi
    open_source
    find_python
    make_user
    install_release
    write_config
    [ "$role" = server ] || join
    previous=$(basename "$(readlink "$root/current" 2>/dev/null)")
    switch "$release"
    start
    remove_old_releases
    report
}

# -- where it comes from: a folder made by wheelhouse.sh, the same by HTTP, or a checkout

open_source() {
    here=$(cd "$(dirname "$0")" && pwd)
    if [ -z "$wheelhouse" ] && [ -f "$here/SHA256SUMS" ]; then
        wheelhouse=$here
    fi
    case $wheelhouse in
    http://* | https://*)
        links=${wheelhouse%/}/
        files=$scratch
        for file in SHA256SUMS agent.txt server.txt pythons architecture $(unit_files agent) $(unit_files server); do
            download "$links$file" "$scratch/$file"
        done
        ;;
    "")
        [ -f "$here/../pyproject.toml" ] || fail "no wheels beside this script: name them with --wheelhouse DIR"
        open_checkout
        return
        ;;
    *)
        [ -f "$wheelhouse/SHA256SUMS" ] || fail "$wheelhouse is no wheelhouse (make wheelhouse makes one)"
        files=$(cd "$wheelhouse" && pwd)
        links=$files
        ;;
    esac
    check_files
    version=$(sed -n 's/^homeport==\([^ ]*\).*/\1/p' "$files/$role.txt")
    release=$version-$(sha256sum "$files/SHA256SUMS" | cut -c 1-8)
    pythons=$(cat "$files/pythons")
    architecture=$(cat "$files/architecture")
    [ "$architecture" = "$(uname -m)" ] ||
        fail "the wheelhouse is for $architecture, and this host is $(uname -m): make one with ARCH=$(uname -m) make wheelhouse"
}

open_checkout() {
    checkout=$(cd "$here/.." && pwd)
    files=$here
    pythons="3.11 3.12 3.13 3.14"
    version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$checkout/pyproject.toml")
    release=$version-$(cd "$checkout" && find homeport agent controlplane proto requirements pyproject.toml \
        -name __pycache__ -prune -o -type f -print0 | sort -z | xargs -0 cat | sha256sum | cut -c 1-8)
}

# Every file is what this script was made with; what pip fetches is checked by pip, against the lock.
check_files() {
    [ -n "$sums" ] || [ "$links" = "$files" ] || fail "over HTTP use the install.sh of the wheelhouse itself"
    if [ -n "$sums" ] && [ "$(sha256sum "$files/SHA256SUMS" | cut -d ' ' -f 1)" != "$sums" ]; then
        fail "$wheelhouse is not the one that this install.sh came with: take both from the same place"
    fi
    (cd "$files" && sha256sum --check --quiet --ignore-missing SHA256SUMS >&2) ||
        fail "$wheelhouse is damaged (see above): copy it again"
}

download() { # url, file
    host_python=$(command -v python3) || fail "there is no python3 here: install Python 3.11 or newer"
    "$host_python" -I -c 'import shutil, sys, urllib.request
with urllib.request.urlopen(sys.argv[1], timeout=60) as answer, open(sys.argv[2], "wb") as file:
    shutil.copyfileobj(answer, file)' "$1" "$2" 2>"$scratch/error" ||
        fail "cannot download $1: $(tail -n 1 "$scratch/error")"
}

# -- what it needs

find_python() {
    seen=
    for candidate in ${PYTHON:-python3.11 python3.12 python3.13 python3.14 python3}; do
        found=$("$candidate" -I -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
        seen="$seen $found"
        case " $pythons " in *" $found "*) ;; *) continue ;; esac
        "$candidate" -I -c 'import ensurepip, venv' 2>/dev/null ||
            fail "Python $found has no ensurepip: apt-get install python$found-venv (or the like)"
        python=$candidate
        return
    done
    [ -n "$seen" ] || fail "no Python found: install one of Python $pythons, or name it: PYTHON=/path/to/python"
    fail "this needs Python $pythons, and here is$seen: install one, or make a wheelhouse for it (make wheelhouse ARGS=...)"
}

make_user() {
    getent passwd "$user" >/dev/null || {
        say "making the user $user"
        useradd --system --user-group --home-dir "$state" --no-create-home --shell /usr/sbin/nologin "$user"
    }
    # Whoever may use the engine may become root: that is why `docker` among the drivers is the administrator's choice.
    if [ "$role" = agent ] && getent group docker >/dev/null; then
        usermod --append --groups docker "$user"
    fi
    install -d -m 700 -o "$user" -g "$user" "$state"
}

# -- a release

install_release() {
    slot=$root/releases/$release
    if [ -f "$slot/complete" ]; then
        say "$role $version is installed already ($slot)"
        return
    fi
    say "installing $role $version to $slot"
    rm -rf "$slot"
    mkdir -p "$root/releases"
    "$python" -I -m venv "$slot" 2>"$scratch/error" || fail "cannot make $slot: $(tail -n 1 "$scratch/error")"
    if [ -n "${checkout:-}" ]; then
        pip_install --require-hashes --only-binary :all: --requirement "$checkout/requirements/$role.txt"
        pip_install "$checkout"
    else
        pip_install --no-index --find-links "$links" --trusted-host "$(host_of "$links")" --only-binary :all: \
            --require-hashes --requirement "$files/$role.txt"
    fi
    mkdir "$slot/units"
    for file in $(unit_files "$role"); do
        cp "$files/$file" "$slot/units/"
    done
    sync -f "$slot"
    touch "$slot/complete"
}

pip_install() {
    "$slot/bin/python" -I -m pip --disable-pip-version-check --no-input --no-cache-dir install --no-deps "$@" \
        >"$scratch/pip.log" 2>&1 || {
        grep -q 'No space left' "$scratch/pip.log" && fail "the disk is full: free 500 MB below /opt, then run this again"
        fail "pip failed: $(grep -m 1 -i '^error' "$scratch/pip.log" || tail -n 1 "$scratch/pip.log")"
    }
}

host_of() { # url or folder
    echo "$1" | sed -n 's|^https*://\([^/]*\)/.*|\1|p' | grep . || echo localhost
}

# Atomic: whoever starts the program finds the old release or the new one. Units belong to a release.
switch() { # release
    ln -sfn "releases/$1" "$root/current.new"
    mv -T "$root/current.new" "$root/current"
    for program in $(programs); do
        ln -sf "$root/current/bin/$program" "/usr/local/bin/$program"
    done
    install_units "$root/releases/$1/units"
}

programs() {
    if [ "$role" = agent ]; then echo homeport-agent; else echo homeport-server homeport; fi
}

# The one before stays: it can be switched back to.
remove_old_releases() {
    [ "$previous" != "$release" ] || return 0
    for old in "$root"/releases/*; do
        case $(basename "$old") in
        "$release" | "$previous") ;;
        *) rm -rf "$old" ;;
        esac
    done
}

# -- settings: written once, then a person's

write_config() {
    install -d -m 755 /etc/homeport
    if [ "$role" = agent ] && [ ! -f /etc/homeport/agent.toml ]; then
        write_policy >/etc/homeport/agent.toml
    elif [ -n "$local_gateway" ]; then
        say "/etc/homeport/agent.toml is kept as it is: write [local_gateway] there (docs/install.md)"
    elif [ "$role" = server ] && [ ! -f /etc/homeport/server.env ]; then
        write_server_env >/etc/homeport/server.env
    elif [ -n "$advertise" ]; then
        say "/etc/homeport/server.env is kept as it is: change --advertise there"
    fi
    "$slot/bin/homeport-$role" --version >/dev/null || fail "the new release does not start: $slot/bin/homeport-$role"
}

write_policy() {
    list=$(echo "$drivers" | sed 's/ *, */", "/g')
    cat <<END
# What the control plane may do with this host. After a change: systemctl restart homeport-agent (models run on).

# docker: containers. process: plain commands, run as the user homeport-agent, confined by nothing.
drivers = ["$list"]

# Beginnings of the names of images that may run; none = any.
image_prefixes = []

# Folders of this host that a container may mount, with what is below them; none = nothing.
mount_prefixes = []

# GPUs that models may use: "all", or UUIDs as nvidia-smi -L lists them.
devices = ["all"]

# The container engine's socket; empty = Docker's or Podman's in their usual places.
engine_socket = ""

# What deployments may ask for by their affinity.
# labels = { disk = "nvme" }

# Megabits per second of this host's link; without it, as the network card says.
# network_mbps = 10000

# How many replicas may share one GPU; without it, as many as their shares allow.
# replicas_per_gpu = 4
END
    write_local_gateway
}

# The last part: what follows the name of a table belongs to it.
write_local_gateway() {
    mark=
    [ -n "$local_gateway" ] || mark="# "
    cat <<END

# Serve the clients of this site here, also while the control plane cannot be reached; the next port is for its agents.
$mark[local_gateway]
${mark}clients = "${local_gateway:-0.0.0.0:8000}"
${mark}tls = "internal"
END
}

write_server_env() {
    [ -n "$advertise" ] || advertise=$(hostname -f 2>/dev/null || hostname)
    cat <<END
# The command line of homeport-server; homeport-server --help lists all. After a change: systemctl restart homeport-server.
HOMEPORT_SERVER_OPTIONS=--agent-host 0.0.0.0 --advertise $advertise $(server_options)
END
}

server_options() {
    if [ -n "$control_plane" ]; then
        echo "--role gateway --control-plane $control_plane --join-token $token"
    else
        echo "--wheelhouse $root/wheelhouse"
    fi
}

is_gateway() {
    grep -q -e '--role gateway' /etc/homeport/server.env
}

# Hosts can be installed from the control plane itself when it was installed from a wheelhouse.
offer_wheelhouse() {
    if [ -n "${checkout:-}" ] || [ "$links" != "$files" ]; then
        return
    fi
    rm -rf "$root/wheelhouse.new"
    cp -R "$files" "$root/wheelhouse.new"
    chmod -R a+rX "$root/wheelhouse.new"
    rm -rf "$root/wheelhouse"
    mv "$root/wheelhouse.new" "$root/wheelhouse"
}

has_joined() {
    [ -e /var/lib/homeport-agent/identity/current ]
}

join() {
    if has_joined; then
        [ -z "$token" ] || say "this host has joined already; the token is not used"
        return
    fi
    say "joining $server"
    echo "$token" | runuser -u "$user" -- "$slot/bin/homeport-agent" join --server "$server" --token - \
        --state-dir "$state" --name "$name" 2>"$scratch/error" || fail "cannot join: $(tail -n 1 "$scratch/error")"
}

# -- units

unit_files() { # role
    if [ "$1" = agent ]; then
        echo homeport-agent.service homeport-replica.socket homeport-replica@.service
    else
        echo homeport-server.service
    fi
}

# A unit that systemd has not loaded yet needs no daemon-reload.
install_units() { # folder
    stale=
    for file in $(unit_files "$role"); do
        target=/etc/systemd/system/$file
        cmp -s "$1/$file" "$target" && continue
        [ ! -f "$target" ] || stale=yes
        install -m 644 "$1/$file" "$target.new"
        mv "$target.new" "$target"
    done
    [ -z "$stale" ] || reload_units
}

# With the nvidia runtime (not with CDI) containers lose their GPUs when systemd reloads its units: it sets the device
# rules of their control groups anew (nvidia-container-toolkit issue 48).
reload_units() {
    containers_with_gpu >"$scratch/before"
    if [ -s "$scratch/before" ] && [ -z "$may_reload" ]; then
        say "NOT reloading systemd's units: $(wc -l <"$scratch/before") containers use GPUs and may lose them by it. The" \
            "new unit files count after the next boot, or run this again with --daemon-reload"
        return
    fi
    systemctl daemon-reload
    containers_with_gpu >"$scratch/after"
    lost=$(comm -23 "$scratch/before" "$scratch/after" | tr '\n' ' ')
    [ -z "$lost" ] || fail "these containers lost their GPUs and must be restarted (use CDI to avoid it): $lost"
}

containers_with_gpu() {
    [ -e /dev/nvidiactl ] && command -v docker >/dev/null || return 0
    for container in $(timeout 20 docker ps --quiet); do
        ! timeout 20 docker exec "$container" nvidia-smi -L >/dev/null 2>&1 || echo "$container"
    done | sort
}

start() {
    [ "$role" = agent ] || offer_wheelhouse
    [ "$role" = server ] || systemctl --no-reload --quiet enable --now homeport-replica.socket
    systemctl --no-reload --quiet enable "$unit" 2>/dev/null || fail "systemd cannot enable $unit"
    say "starting $unit"
    if systemctl restart "$unit" 2>/dev/null; then
        return
    fi
    # What the program itself said last; nothing when it could not even be run.
    why=$(journalctl _SYSTEMD_UNIT="$unit" --no-pager --lines 1 --output cat)
    why=${why:-see journalctl -u $unit}
    if [ -n "$previous" ] && [ "$previous" != "$release" ]; then
        switch "$previous"
        systemctl restart "$unit" || true
        fail "the new release does not get ready, so $previous runs again: $why"
    fi
    fail "$unit does not get ready: $why"
}

# -- the end

report() {
    if [ "$role" = server ] && is_gateway; then
        say "the gateway $version runs"
        cat <<END
  clients:     it serves this host alone, until /etc/homeport/server.env has --host 0.0.0.0 and a certificate
  how it does: on the control plane homeport gateway list; here systemctl status $unit; journalctl -u $unit
  hosts must reach this one at the TCP port 8444
END
        return
    fi
    if [ "$role" = server ]; then
        say "the control plane $version runs"
        cat <<END
  its token:   $state/admin-token
  from here:   export HOMEPORT_TOKEN=\$(cat $state/admin-token); homeport status
  add a host:  homeport node add
  how it does: systemctl status $unit; journalctl -u $unit
  hosts must reach this one at the TCP ports 8442 to 8445
END
        return
    fi
    tries=0
    until connected; do
        tries=$((tries + 1))
        [ $tries -lt 60 ] || fail "the agent runs, and has no link: homeport-agent doctor says why"
        sleep 0.5
    done
    say "the agent $version runs and is connected"
    cat <<END
  how it does: homeport-agent status; homeport-agent doctor; journalctl -u $unit
  its policy:  /etc/homeport/agent.toml says what may run here
END
}

connected() {
    "$root/current/bin/homeport-agent" status --json --state-dir "$state" 2>/dev/null | grep -q '"connected": true'
}

uninstall() {
    say "stopping $unit"
    systemctl --no-reload --quiet disable --now "$unit" 2>/dev/null || true
    systemctl kill --signal=KILL "$unit" 2>/dev/null || true
    if [ "$role" = agent ]; then
        stop_models
        systemctl --no-reload --quiet disable --now homeport-replica.socket 2>/dev/null || true
        systemctl stop 'homeport-replica@*.service' 2>/dev/null || true
    fi
    for file in $(unit_files "$role"); do
        rm -f "/etc/systemd/system/$file"
    done
    for program in $(programs); do
        rm -f "/usr/local/bin/$program"
    done
    rm -rf "$root"
    rmdir /opt/homeport 2>/dev/null || true
    [ "$action" = purge ] || say "removed. Kept: $state, /etc/homeport; --purge removes them, too"
}

stop_models() {
    if has_joined && [ -x "$root/current/bin/homeport-agent" ]; then
        runuser -u "$user" -- "$root/current/bin/homeport-agent" stop-replicas --state-dir "$state" 2>"$scratch/error" ||
            say "some models may run on: $(tail -n 1 "$scratch/error")"
    fi
}

purge() {
    if [ -z "$yes" ]; then
        if [ "$role" = server ]; then
            lost="the database and the CA: every agent has to join again"
        else
            lost="this node's identity and its models' logs"
        fi
        printf 'This removes homeport-%s and deletes %s, with %s.\nType yes to go on: ' "$role" "$state" "$lost"
        read -r answer || answer=
        [ "$answer" = yes ] || fail "nothing was removed (--yes does not ask)"
    fi
    uninstall
    rm -rf "$state" "/etc/homeport/$role.toml" "/etc/homeport/$role.env"
    rmdir /etc/homeport 2>/dev/null || true
    ! getent passwd "$user" >/dev/null || userdel "$user"
    say "homeport-$role is gone"
    [ "$role" = server ] || say "on the control plane: homeport node delete $(hostname)"
}

main "$@"
