#!/usr/bin/env bash
# Installs what the build, the demo and the tests need, by the package clients
# of Debian, Python and Rust. Says so when it cannot. Doing it twice costs nothing.
#
#   scripts/setup.sh python apertium nextest deny machete
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'setup: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# apt NAME...: installs packages of Debian.
apt() {
    command -v apt-get >/dev/null || die "please install: $*"
    local sudo=()
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || die "please install as root: apt-get install $*"
        sudo=(sudo)
    fi
    say "installing $*"
    "${sudo[@]}" apt-get update -qq
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" >/dev/null
}

# A virtual environment with the AWS clients, made anew when the list changes.
python() {
    local list=tests/requirements.txt stamp=.venv/requirements.txt
    cmp -s "$list" "$stamp" && return
    if ! command -v python3 >/dev/null || ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
        apt python3 python3-venv
    fi
    say "making .venv with $(paste -sd' ' "$list")"
    rm -rf .venv
    python3 -m venv .venv
    .venv/bin/pip install --quiet --disable-pip-version-check -r "$list"
    cp "$list" "$stamp"
}

# A few pairs of languages, which the tests of that engine translate.
apertium() {
    local pair
    for pair in eng-spa spa-eng eng-cat spa-cat es-pt rus-ukr; do
        if [ ! -e "/usr/share/apertium/modes/$pair.mode" ]; then
            command -v apt-get >/dev/null || { say "no Apertium: its tests will be skipped"; return; }
            apt apertium apertium-eng-spa apertium-eng-cat apertium-spa-cat apertium-es-pt \
                apertium-rus-ukr
            return
        fi
    done
}

# What scores translations; apart from what tests need.
quality() {
    local wanted=sacrebleu==2.5.1 stamp=.venv-quality/wanted
    [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && return
    rm -rf .venv-quality
    python3 -m venv .venv-quality
    .venv-quality/bin/pip install --quiet --disable-pip-version-check "$wanted"
    printf '%s' "$wanted" >"$stamp"
}

# cargo_tool COMMAND CRATE VERSION: a tool of cargo, built without optimisation, which is faster.
cargo_tool() {
    command -v "$1" >/dev/null && return
    [ -x ".tools/bin/$1" ] && return
    say "building $2 $3"
    cargo install --quiet --locked --debug --root .tools "$2" --version "$3"
}

nextest() { cargo_tool cargo-nextest cargo-nextest 0.9.143; }
deny() { cargo_tool cargo-deny cargo-deny 0.20.2; }
machete() { cargo_tool cargo-machete cargo-machete 0.9.2; }

for part in "$@"; do
    case "$part" in
        python | quality | apertium | nextest | deny | machete) "$part" ;;
        *) die "unknown part: $part" ;;
    esac
done
