# SPDX-License-Identifier: Apache-2.0
# Sourced by tests/run: the table of suites, what each needs built, and which programs it runs.
# shellcheck shell=bash

# name, in the default run, builds that it needs. What takes long comes first: what is short fills the gaps at the end.
suite_table() {
    cat <<LIST
style        yes  -
web          yes  release,pages
fault        yes  release,pages
integration  yes  release,pages
peers        yes  sanitize,pages
wire         yes  sanitize,pages
functions    yes  release
unit         yes  sanitize
fuzz         yes  fuzz
bench        no   release,pages
fresh        no   -
LIST
}

# The folder as a word of a command: it may have spaces.
suite_here=$(printf %q "$PWD")

suite_names() {
    if [ "$1" = all ]; then suite_table | awk '{print $1}'; else suite_table | awk '$2 == "yes" {print $1}'; fi
}

suite_builds() {
    local suite
    for suite in "$@"; do suite_table | awk -v s="$suite" '$1 == s && $3 != "-" {gsub(",", "\n", $3); print $3}'; done | sort -u
}

suite_build() {
    if [ "$1" = pages ]; then
        setup_pages gateway/web && setup_pages gateway/chat && setup_npm tests/web && setup_npm tests/peers
    else
        setup_build "$1"
    fi
}

# Programs of a folder: test_*.py there and in its folders, but for those named behind it.
suite_python() {
    local suite=$1 dir=$2 limit=$3 kind=$4 build=$5 skip=${6:-} program name
    [ -d "$dir" ] || return 0
    while read -r program; do
        name=${program#"$dir"/}
        [ -n "$skip" ] && [[ $name == $skip ]] && continue
        pool_add "$suite" "${name%.py}" "$limit" "$kind" . \
            "PARLEY_BUILD=$suite_here/$build PYTHONPATH=$suite_here/tests/lib PYTHONUNBUFFERED=1 exec /usr/bin/python3 -B $program"
    done < <(find "$dir" -name 'test_*.py' | LC_ALL=C sort)
}

suite_unit() {
    local name
    while read -r name; do
        pool_add unit "$name" 240 count . "exec ctest --test-dir build-sanitize -R '^$name\$' -V"
    done < <(ctest --test-dir build-sanitize -N | sed -n 's/^ *Test *#[0-9]*: //p')
}

suite_functions() { suite_python functions tests/wire/functions 300 count build; }
suite_wire() { suite_python wire tests/wire 300 count build-sanitize 'functions/*'; }
suite_peers() { suite_python peers tests/peers 300 count build-sanitize; }
suite_integration() { suite_python integration tests/integration 300 count build; }
# Named on the command line: 100 rounds of killing; in the default run 20.
suite_fault() {
    export PARLEY_FAULT_ROUNDS="${PARLEY_FAULT_ROUNDS:-$([ -n "$run_is_default" ] && echo 20 || echo 100)}"
    suite_python fault tests/fault "$((PARLEY_FAULT_ROUNDS * 20 + 120))" count build
}
suite_bench() { suite_python bench tests/bench 1200 alone build; }

suite_web() {
    local program
    if [ -f gateway/web/package.json ]; then
        pool_add web web-types 180 status gateway/web "exec npm run --silent check"
        [ -n "$(find gateway/web/tests tests/web -name '*.test.ts' -not -path '*/node_modules/*' 2>/dev/null | head -1)" ] &&
            pool_add web web-units 180 count gateway/web "exec node $suite_here/tests/lib/vitest.mjs"
    fi
    [ -f gateway/chat/package.json ] && pool_add web chat-types 120 status gateway/chat "exec npm run --silent check"
    while read -r program; do
        pool_add web "${program#tests/web/}" 900 count . "PARLEY_BUILD=$suite_here/build exec node $program"
    done < <(find tests/web -path '*/node_modules' -prune -o -name run.mjs -print | LC_ALL=C sort)
}

# Each fuzz target runs for 20 seconds in the default run, ten minutes when the suite is named; what it finds that is new stays in
# tests/out/corpus.
suite_fuzz() {
    local seconds="${PARLEY_FUZZ_SECONDS:-$([ -n "$run_is_default" ] && echo 15 || echo 600)}" target name corpus
    for target in build-fuzz/fuzz/*; do
        [ -x "$target" ] || continue
        name=$(basename "$target")
        mkdir -p "tests/out/corpus/$name"
        corpus=$(find tests/fuzz -type d \( -name "corpus-${name#fuzz_}" -o -name "corpus-$name" -o -name "corpus-${name#*fuzz_}" \) |
            sort -u | tr '\n' ' ')
        pool_add fuzz "$name" $((seconds + 120)) status . \
            "exec $target -max_total_time=$seconds -timeout=5 -rss_limit_mb=1024 -print_final_stats=1 -artifact_prefix=tests/out/fuzz/ tests/out/corpus/$name $corpus"
    done
}

# gcc has built all of it already (unit, release) with the same flags.
suite_style() {
    pool_add style clang 900 status . "cmake --preset clang && exec ninja -C build-clang"
    pool_add style rules 120 count . "exec /usr/bin/python3 -B tests/lib/rules.py"
}

suite_fresh() {
    pool_add fresh debian 5400 alone . "exec tests/fresh/run"
    pool_add fresh package 1800 alone . "exec tests/fresh/package"
}
