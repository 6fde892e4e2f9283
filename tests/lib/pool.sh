# SPDX-License-Identifier: Apache-2.0
# Sourced by tests/run: runs test programs side by side, each in a process group of its own with a time limit and a log, and
# counts what they say in their last "N passed, N failed[, N skipped]" line.
# shellcheck shell=bash

pool_jobs=${PARLEY_JOBS:-2}
declare -a pool_suite=() pool_name=() pool_limit=() pool_kind=() pool_dir=() pool_command=()
declare -A pool_running=() pool_pass=() pool_fail=() pool_skip=() pool_time=() pool_begun=()

pool_open() { pool_out=$1; }

# pool_add SUITE NAME SECONDS KIND DIR COMMAND: kind "count" reads the result line, "status" counts the exit status as one test,
# "alone" is "count" for what measures time or needs both cores: nothing runs beside it.
pool_add() {
    pool_suite+=("$1") pool_name+=("$2") pool_limit+=("$3") pool_kind+=("$4") pool_dir+=("$5")
    pool_command+=("${*:6}")
}

pool_log() { echo "$pool_out/${pool_suite[$1]}/${pool_name[$1]//\//-}.log"; }

pool_start() {
    local i=$1 log
    log=$(pool_log "$i")
    mkdir -p "$(dirname "$log")"
    (cd "${pool_dir[$i]}" && exec setsid timeout -k 10 "${pool_limit[$i]}" bash -c "${pool_command[$i]}") >"$log" 2>&1 9>&- &
    pool_running[$!]=$i
    pool_begun[$i]=$SECONDS
}

# What a program left behind dies with its group.
pool_end_group() { kill -KILL -- "-$1" 2>/dev/null; }

pool_kill() {
    local pid
    for pid in "${!pool_running[@]}"; do pool_end_group "$pid"; done
}

pool_count() {
    local i=$1 status=$2 log suite line pass=0 fail=0 skip=0
    log=$(pool_log "$i") suite=${pool_suite[$i]}
    if [ "${pool_kind[$i]}" = status ]; then
        if [ "$status" = 0 ]; then pass=1; else fail=1; fi
    else
        line=$(grep -aE '^([0-9]+: )?[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$' "$log" | tail -1 | sed 's/^[0-9]*: //')
        if [[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed(,\ ([0-9]+)\ skipped)?$ ]]; then
            pass=${BASH_REMATCH[1]} fail=${BASH_REMATCH[2]} skip=${BASH_REMATCH[4]:-0}
        fi
        # Died, timed out, or said nothing: that is a failure too.
        if [ "$status" != 0 ] && [ "$fail" = 0 ]; then fail=1; fi
        if [ "$status" = 0 ] && [ $((pass + fail + skip)) = 0 ]; then fail=1; fi
    fi
    pool_pass[$suite]=$((${pool_pass[$suite]:-0} + pass))
    pool_fail[$suite]=$((${pool_fail[$suite]:-0} + fail))
    pool_skip[$suite]=$((${pool_skip[$suite]:-0} + skip))
    pool_time[$suite]=$((${pool_time[$suite]:-0} + SECONDS - pool_begun[$i]))
    if [ "$fail" = 0 ]; then
        printf '%5s s  %s/%s: %s\n' $((SECONDS - pool_begun[$i])) "$suite" "${pool_name[$i]}" "$pass ok$([ "$skip" = 0 ] || echo ", $skip left out")"
        return 0
    fi
    echo "FAILED $suite/${pool_name[$i]} ($fail of $((pass + fail)), status $status, ${log})"
    tail -n "${PARLEY_TAIL:-25}" "$log" | sed 's/^/    /'
}

pool_wait_one() {
    local pid status
    wait -n -p pid "${!pool_running[@]}"
    status=$?
    [ -n "${pid:-}" ] || return 1
    pool_end_group "$pid"
    pool_count "${pool_running[$pid]}" "$status"
    unset "pool_running[$pid]"
}

pool_run() {
    local i
    for pass in together alone; do
        for i in "${!pool_suite[@]}"; do
            if [ "${pool_kind[$i]}" = alone ]; then [ "$pass" = alone ] || continue; else [ "$pass" = together ] || continue; fi
            while [ ${#pool_running[@]} -ge "$([ "$pass" = alone ] && echo 1 || echo "$pool_jobs")" ]; do pool_wait_one; done
            pool_start "$i"
        done
        while [ ${#pool_running[@]} -gt 0 ]; do pool_wait_one; done
    done
}

pool_line() {
    local text="$1 passed, $2 failed"
    [ "$3" = 0 ] || text+=", $3 skipped"
    echo "$text"
}

# One line for each suite; not in the form of the last line, which must stand alone.
pool_report() {
    local suite
    for suite in "$@"; do
        printf '%-12s %5s ok %5s bad %5s left out %6s s\n' "$suite" "${pool_pass[$suite]:-0}" "${pool_fail[$suite]:-0}" \
            "${pool_skip[$suite]:-0}" "${pool_time[$suite]:-0}"
    done
}

# The last line; its status is the run's.
pool_total() {
    local suite pass=0 fail=0 skip=0
    for suite in "${!pool_pass[@]}"; do
        pass=$((pass + ${pool_pass[$suite]:-0})) fail=$((fail + ${pool_fail[$suite]:-0})) skip=$((skip + ${pool_skip[$suite]:-0}))
    done
    pool_line "$pass" "$fail" "$skip"
    [ "$fail" = 0 ] && [ "$pass" -gt 0 ]
}
