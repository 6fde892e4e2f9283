# SPDX-License-Identifier: Apache-2.0
# Sourced by gateway/run and tests/run: what they need of a bare Debian 12 or 13, and how it is built. Every step does nothing
# when there is nothing to do, so that a second start costs no time.
# shellcheck shell=bash

setup_top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

setup_say() { printf '%s\n' "$*" >&2; }
setup_die() { setup_say "error: $*"; exit 1; }

# One at a time in this tree: two would build over each other. The folder itself is what is locked, so nothing is left behind.
setup_lock() {
    exec 8<"$setup_top"
    flock -n 8 2>/dev/null && return 0
    setup_say "Another start or test run is being set up in this folder; waiting for it"
    flock 8 || true
}
setup_unlock() { exec 8<&-; }

# What root has built once can't be built again by others.
setup_check_owner() {
    local path
    for path in "$setup_top" "$setup_top"/build* "$setup_top"/gateway/{web,chat} "$setup_top"/gateway/{web,chat}/{node_modules,dist}; do
        [ ! -e "$path" ] || [ -w "$path" ] ||
            setup_die "$path can't be written by $(id -un); it belongs to $(stat -c %U "$path")"
    done
    # npm wants a place for its cache; what was compiled once is not compiled again where ccache is at hand.
    if [ ! -w "${HOME:-/nonexistent}" ]; then
        export npm_config_cache="$setup_tmp/npm"
    elif command -v ccache >/dev/null; then
        export CMAKE_C_COMPILER_LAUNCHER="${CMAKE_C_COMPILER_LAUNCHER:-ccache}"
    fi
}

# ---- packages: one a line, with its reason --------------------------------------------------------------------------------

setup_packages_run() {
    cat <<LIST
ca-certificates            trust anchors for the npm registry and for providers
gcc                        the compiler
libc6-dev                  the C library's headers
cmake                      the build, with its presets
ninja-build                runs the build
pkg-config                 finds the libraries
libuv1-dev                 the event loop
libwebsockets-dev          websockets, and only those
libwebsockets-evlib-uv     lets libwebsockets run on our libuv loop (needed at run time)
$(setup_parser_package)    the HTTP/1.1 parser
libhiredis-dev             the Redis protocol
libcurl4-openssl-dev       HTTP to providers
libjansson-dev             JSON at the edges
libssl-dev                 TLS, AES-256-GCM, HMAC, scrypt
libicu-dev                 Unicode: folding, graphemes
libmagic-dev               the type of a file by its content
redis-server               the embedded store
tzdata                     time zones, kept current
LIST
    # Somebody's own Node is as good when it is new enough and brings npm.
    if ! setup_node_fits; then
        echo "nodejs                 builds the web pages"
        echo "npm                    fetches what the pages are built with"
    fi
}

setup_packages_package() {
    cat <<LIST
dpkg-dev                   dpkg-shlibdeps finds which packages the programs need
LIST
}

setup_packages_tests() {
    cat <<LIST
g++                        CLD2, which the language benchmark compares with, is C++
clang                      second compiler, and libFuzzer
$(setup_clang_rt_package)  run-time library of the sanitizers and the fuzzer
clang-format               the format check
libcld2-dev                the other language identifier in the benchmark
python3                    wire, fault and integration tests
python3-aiohttp            HTTP client and fake providers
python3-websockets         websocket client
python3-redis              looks into the store
python3-cryptography       signatures and certificates in tests
python3-jsonschema         compares the API's answers with openapi.json
openssl                    test certificates
redis-tools                redis-benchmark and redis-cli
nginx-light                second opinion on hostile HTTP, and what the benchmark is compared with
chromium                   the pages are tested in it
chromium-driver            drives it
procps                     ps
strace                     shows that the fsync comes before the answer
w3m                        a text browser reads the chat
haproxy                    Parley behind it, as the example has it
caddy                      the same
LIST
}

# Debian's number; what is not released yet has none.
setup_debian() {
    # shellcheck disable=SC1091
    (. /etc/os-release 2>/dev/null; [ "${ID:-}" = debian ] && echo "${VERSION_ID:-13}" || echo 12)
}
# Debian 12 has http_parser, Debian 13 its successor with the same callbacks.
setup_parser_package() { if [ "$(setup_debian)" -ge 13 ] 2>/dev/null; then echo libllhttp-dev; else echo libhttp-parser-dev; fi; }
setup_clang_rt_package() { if [ "$(setup_debian)" -ge 13 ] 2>/dev/null; then echo libclang-rt-dev; else echo libclang-rt-14-dev; fi; }

setup_node_fits() {
    command -v node >/dev/null && command -v npm >/dev/null &&
        [ "$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)" -ge 18 ]
}

# Packages of a list ("run" or "run tests") that are not installed, one a line with their reasons.
setup_missing() {
    local list name
    for list in "$@"; do "setup_packages_$list"; done >"$setup_tmp/wanted"
    # One call for all; unknown names are told on stderr and are missing as well.
    awk '{print $1}' "$setup_tmp/wanted" | { xargs dpkg-query -W -f='${Status} ${Package}\n' 2>/dev/null || true; } |
        awk '/^install ok installed/ {print $4}' >"$setup_tmp/have"
    # nginx-light is one flavour of nginx; any will do.
    if command -v nginx >/dev/null; then echo nginx-light >>"$setup_tmp/have"; fi
    while read -r name reason; do
        grep -qxF "$name" "$setup_tmp/have" || printf '%-28s %s\n' "$name" "$reason"
    done <"$setup_tmp/wanted"
}

setup_as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# Says at the beginning what would fail later.
setup_check_root() {
    [ "$(id -u)" = 0 ] && return 0
    local how
    how="as root: apt-get update && apt-get install --no-install-recommends $(awk '{print $1}' "$setup_tmp/missing" | tr '\n' ' ')"
    command -v sudo >/dev/null || setup_die "Debian packages are missing and there is no sudo. Install them $how"
    # Asks for a password when somebody is there to give it.
    sudo -n true 2>/dev/null || sudo -v ||
        setup_die "Debian packages are missing and sudo does not let $(id -un) in. Install them $how"
}

# Packages of redis and nginx start services when they are installed: nobody asked for those.
setup_hold_services() {
    local policy=/usr/sbin/policy-rc.d
    # One that is there is somebody's own, unless we were killed before we could take ours away.
    if [ -e "$policy" ]; then
        if grep -q 'parley: while' "$policy" 2>/dev/null; then setup_policy=1; fi
        return 0
    fi
    printf '#!/bin/sh\n# parley: while its packages are installed no service starts\nexit 101\n' >"$setup_tmp/policy"
    setup_policy=1
    setup_as_root install -m 755 "$setup_tmp/policy" "$policy"
}
setup_release_services() {
    [ -n "${setup_policy:-}" ] || return 0
    setup_policy=
    setup_as_root rm -f /usr/sbin/policy-rc.d
}

setup_apt() {
    setup_as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 -q -y "$@" >&2
}

setup_install() {
    setup_missing "$@" >"$setup_tmp/missing"
    [ -s "$setup_tmp/missing" ] || return 0
    command -v apt-get >/dev/null || setup_die "this needs Debian's packages: $(awk '{print $1}' "$setup_tmp/missing" | tr '\n' ' ')"
    setup_check_root
    setup_say "Installing Debian packages$([ "$(id -u)" = 0 ] || echo ' with sudo'):"
    sed 's/^/  /' "$setup_tmp/missing" >&2
    local names service
    mapfile -t names < <(awk '{print $1}' "$setup_tmp/missing")
    setup_hold_services
    # An installation that was cut off is finished first.
    if [ -n "$(find /var/lib/dpkg/updates -type f 2>/dev/null)" ] || [ -n "$(dpkg --audit 2>/dev/null)" ]; then
        setup_as_root env DEBIAN_FRONTEND=noninteractive dpkg --force-confold --configure -a >&2 || true
        setup_apt --fix-broken install || true
    fi
    if ! apt-cache show "${names[@]}" >/dev/null 2>&1; then
        setup_apt update || true
    fi
    # Lists that are too old name files that are gone: fetch new ones once.
    setup_apt install --no-install-recommends "${names[@]}" ||
        { setup_apt update && setup_apt install --no-install-recommends "${names[@]}"; } ||
        setup_die "apt-get could not install them; what it says above tells why (no network? no room?)"
    # Not at the next boot either.
    for service in redis-server nginx haproxy caddy; do
        if grep -qE "^$service" "$setup_tmp/missing" && command -v systemctl >/dev/null; then
            setup_as_root systemctl disable "$service" >/dev/null 2>&1 || true
        fi
    done
    setup_release_services
}

# ---- building -------------------------------------------------------------------------------------------------------------

# setup_build PRESET: configures once, then builds what has changed. Quiet when there is nothing to say. With setup_keep_going it
# builds whatever it can.
setup_build() {
    local preset=$1 dir log made
    dir="$setup_top/build-$preset"
    [ "$preset" = release ] && dir="$setup_top/build"
    log="$setup_tmp/build-$preset.log"
    # A folder that was moved or copied, or a Debian that was upgraded, names files that are elsewhere or gone.
    made="$setup_top on $(setup_debian)"
    if [ "$(cat "$dir/parley-made" 2>/dev/null)" != "$made" ]; then
        setup_say "Configuring and building ($preset); the first time takes some minutes"
        rm -rf "$dir"
        (cd "$setup_top" && cmake --preset "$preset") >"$log" 2>&1 || { cat "$log" >&2; return 1; }
        printf '%s\n' "$made" >"$dir/parley-made"
    elif [ -n "$(find "$setup_top" \( -name node_modules -o -path "$setup_top/build*" \) -prune -o \
        \( -name '*.[chl]*' -o -name CMakeLists.txt \) -newer "$dir/.ninja_log" -print -quit 2>/dev/null)" ]; then
        setup_say "Building ($preset)"
    fi
    ninja -C "$dir" ${setup_keep_going:+-k 0} >"$log" 2>&1 || { setup_errors "$log"; return 1; }
}

setup_errors() {
    grep -E '^FAILED|error:|undefined reference|multiple definition|ninja: error|CMake Error|No space' "$1" | cut -c1-300 | awk 'NR <= 12' >&2 ||
        tail -n 12 "$1" >&2
}

# setup_pages FOLDER: npm ci when the lock file changed, npm run build when a source did.
setup_pages() {
    local dir="$setup_top/$1" stamp lock_stamp lock sum
    [ -f "$dir/package.json" ] || return 0
    stamp="$dir/node_modules/.parley-built" lock_stamp="$dir/node_modules/.parley-lock"
    lock=$(sha256sum <"$dir/package-lock.json")
    sum=$(cd "$dir" && find . \( -path ./node_modules -o -path ./dist -o -path ./tests \) -prune -o -type f -print0 | LC_ALL=C sort -z |
        xargs -0 sha256sum | sha256sum)
    [ -d "$dir/dist" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$sum" ] && return 0
    if [ "$(cat "$lock_stamp" 2>/dev/null)" != "$lock" ]; then
        setup_say "Fetching npm packages ($1)"
        (cd "$dir" && npm ci --no-audit --no-fund) >"$setup_tmp/npm.log" 2>&1 || { cat "$setup_tmp/npm.log" >&2; return 1; }
        printf '%s\n' "$lock" >"$lock_stamp"
    fi
    setup_say "Building the pages ($1)"
    (cd "$dir" && npm run build) >"$setup_tmp/npm.log" 2>&1 || { cat "$setup_tmp/npm.log" >&2; return 1; }
    printf '%s\n' "$sum" >"$stamp"
}

# npm packages of a folder that builds nothing (tests).
setup_npm() {
    local dir="$setup_top/$1" lock
    lock=$(sha256sum <"$dir/package-lock.json")
    [ "$(cat "$dir/node_modules/.parley-lock" 2>/dev/null)" = "$lock" ] && return 0
    setup_say "Fetching npm packages ($1)"
    (cd "$dir" && npm ci --no-audit --no-fund) >"$setup_tmp/npm.log" 2>&1 || { cat "$setup_tmp/npm.log" >&2; return 1; }
    printf '%s\n' "$lock" >"$dir/node_modules/.parley-lock"
}

setup_tmp=$(mktemp -d)
setup_clean() {
    setup_release_services
    rm -rf "$setup_tmp"
}
