#!/bin/bash
# Measures Provost beside other validators on one lab of scale, in one run; writes the table.
#
#   benches/scale.sh SCALE WORK [RUNS]
#
# SCALE is medium or internet. The lab, caches and logs go to WORK: 2 GB or 15 GB, and the lab is
# kept there for the next time. RUNS is how often a run in which nothing changed is repeated, 5 by
# default. The table goes to docs/performance-SCALE.md.
#
# Needs GNU time, nginx and openssl, and cargo; rpki-client, routinator and fort are left out
# where they are missing. On a machine that does other things: nice -n -10 benches/scale.sh ...
# Ratios are of CPU time (user and system), which the load changes least.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
scale=$1
mkdir -p "$2"
work=$(cd "$2" && pwd)
runs=${3:-5}
lab=$work/lab
table=$root/docs/performance-$scale.md
rows=$work/rows

cargo build --release --bin provost
floor=$(cargo bench --bench floor --no-run 2>&1 | sed -n 's/.*Executable.*(\(.*\))/\1/p')
provost=$root/target/release/provost
has() { command -v "$1" >/dev/null; }

if [ ! -e "$lab/scale.json" ]; then
    rm -rf "$lab"
    /usr/bin/time -o "$work/time" -f '%e %U %S %M' "$provost" lab generate "$lab" --scale "$scale"
    cp "$work/time" "$work/generated"
fi
count() { sed -n "s/.*\"$1\": \([0-9]*\).*/\1/p" "$lab/scale.json"; }
tals=()
client_tals=()
for tal in "$lab"/tals/*.tal; do
    tals+=(--tal "$tal")
    client_tals+=(-t "$tal")
done

# Runs a command, and adds a line "NAME wall cpu memory" to the rows.
measure() {
    local name=$1
    shift
    # rpki-client and fort say with their exit code that they found something to complain about.
    /usr/bin/time -q -o "$work/time" -f '%e %U %S %M' "$@" >"$work/log" 2>&1 || true
    awk -v name="$name" '{ printf "%s\t%.2f\t%.2f\t%d\n", name, $1, $2 + $3, $4 / 1024 }' \
        "$work/time" >>"$rows"
    tail -n 1 "$rows"
}
# Takes the median by CPU time of the rows that have this name, and names it anew.
median() {
    grep -P "^$1\t" "$rows" | sort -t "$(printf '\t')" -k 3 -n | awk -F '\t' -v name="$2" '
        { line[NR] = $0 } END { $0 = line[int((NR + 1) / 2)]; print name "\t" $2 "\t" $3 "\t" $4 }
    ' >"$work/median"
    grep -vP "^$1\t" "$rows" >"$work/others" || true
    cat "$work/others" "$work/median" >"$rows"
}

: >"$rows"
began=$(date -u +%FT%TZ)
load=$(cut -d ' ' -f 1 /proc/loadavg)
verifications=$(count verifications)
measure "crypto floor, before" "$floor" "$verifications"

data=$work/data
rm -rf "$data"
measure "provost: import of the tree, then cold validation" \
    "$provost" sync --lab --from "$lab" --data-dir "$data" --no-rir-tals "${tals[@]}"
"$provost" export --data-dir "$data" --format csv | sort >"$work/found"
sort "$lab/truth.csv" | cmp - "$work/found"
measure "provost: cold validation, objects local" "$provost" validate --full --data-dir "$data"
measure "crypto floor, after" "$floor" "$verifications"
for _ in $(seq "$runs"); do
    measure "validate again" "$provost" validate --data-dir "$data"
done
median "validate again" "provost: validation, nothing changed"

if has rpki-client; then
    rm -rf "$work/rpki-client"
    mkdir -p "$work/rpki-client"
    chmod -R a+rwX "$work/rpki-client" "$lab"
    measure "rpki-client: cold validation, objects local" \
        rpki-client -n -c -d "$lab" "${client_tals[@]}" "$work/rpki-client"
    echo "rpki-client: $(($(wc -l <"$work/rpki-client/csv") - 1)) VRPs of $(count vrps)"
fi
if has fort; then
    measure "fort: cold validation, objects local" \
        fort --mode=standalone --work-offline=true --local-repository="$lab" --tal="$lab/tals" \
        --output.roa="$work/fort.csv"
    echo "fort: $(($(wc -l <"$work/fort.csv") - 1)) VRPs of $(count vrps)"
fi

"$root/benches/serve-scale.sh" "$lab" "$work/nginx" &
nginx=$!
trap 'kill $nginx' EXIT
until curl -sf --cacert "$work/nginx/root.pem" -o /dev/null \
    https://127.1.0.1:8443/rrdp/notification.xml; do
    kill -0 $nginx
    sleep 0.2
done
rrdp=$work/rrdp
rm -rf "$rrdp"
sync=("$provost" sync --lab --allow-local-addresses --no-rsync --root-cert
    "$work/nginx/root.pem" --refresh 1s --data-dir "$rrdp" --no-rir-tals "${tals[@]}")
routinator=(routinator --repository-dir "$work/routinator" --no-rir-tals --extra-tals-dir
    "$lab/tals" --rrdp-root-cert "$work/nginx/root.pem" --allow-dubious-hosts --disable-rsync)
measure "provost: first sync over RRDP" "${sync[@]}"
if has routinator; then
    rm -rf "$work/routinator"
    mkdir -p "$work/routinator"
    measure "routinator: first run over RRDP" "${routinator[@]}" vrps -o "$work/routinator.csv"
    measure "routinator: cold validation, objects local" \
        "${routinator[@]}" vrps --noupdate -o "$work/routinator.csv"
    echo "routinator: $(($(wc -l <"$work/routinator.csv") - 1)) VRPs of $(count vrps)"
    measure "routinator: over RRDP, nothing changed" \
        "${routinator[@]}" vrps -o "$work/routinator.csv"
fi
for _ in $(seq "$runs"); do
    sleep 1.1
    measure "sync again" "${sync[@]}"
done
median "sync again" "provost: sync over RRDP, nothing changed"
"$provost" lab generate "$lab" --churn 1 >/dev/null
sleep 1.1
measure "provost: sync over RRDP, 1 % of the CAs changed" "${sync[@]}"
"$provost" export --data-dir "$rrdp" --format csv | sort >"$work/found"
sort "$lab/truth.csv" | cmp - "$work/found"
if has routinator; then
    measure "routinator: over RRDP, 1 % of the CAs changed" \
        "${routinator[@]}" vrps -o "$work/routinator.csv"
fi

# The server: from its start to the first right answer, and its memory after large ones.
sed -n 2p "$work/found" >"$work/vrp"
IFS=, read -r asn prefix _ <"$work/vrp"
began_ns=$(date +%s%N)
"$provost" serve --no-worker --data-dir "$rrdp" --http 127.0.0.1:18323 >"$work/log" 2>&1 &
server=$!
trap 'kill $nginx $server' EXIT
until curl -s "http://127.0.0.1:18323/api/v1/validity/$asn/$prefix" | grep -q '"valid"'; do
    kill -0 $server
    sleep 0.02
done
restart=$((($(date +%s%N) - began_ns) / 1000000))
curl -s http://127.0.0.1:18323/json -o /dev/null
curl -s http://127.0.0.1:18323/csv -o /dev/null
server_memory=$(($(sed -n 's/VmHWM:[^0-9]*\([0-9]*\).*/\1/p' /proc/$server/status) / 1024))
measure "crypto floor, at the end" "$floor" "$verifications"
spread=$(awk -F '\t' '/floor/ { if (!low || $3 < low) low = $3; if ($3 > high) high = $3 }
    END { printf "%.0f", 100 * (high - low) / low }' "$rows")

{
    echo "# Performance on the \`$scale\` lab"
    echo
    echo "Written by \`benches/scale.sh $scale\`, $began, $(nproc) cores, load $load at the start."
    echo "$(count cas) CAs, $(count roas) ROAs, $(count vrps) VRPs, $verifications verifications;"
    echo "the VRPs of Provost were those of the truth file each time."
    echo
    echo "The floor is so many RSA-2048 verifications on all cores and nothing else; ratios are"
    echo "against the mean of the two that enclose the cold run. Its CPU times differ by $spread % in"
    echo "all; above 10 the run is to be repeated. Memory is the largest resident size. Wall times say"
    echo "little where the load was above 1."
    echo
    echo "| run | wall s | CPU s | MB | wall / floor | CPU / floor |"
    echo "| --- | --- | --- | --- | --- | --- |"
    awk -F '\t' '
        NR == FNR { if ($1 ~ /floor, (before|after)/) { wall += $2; cpu += $3; n++ } next }
        { printf "| %s | %s | %s | %s | %.2f | %.2f |\n",
            $1, $2, $3, $4, n * $2 / wall, n * $3 / cpu }' "$rows" "$rows"
    echo
    echo "Server: $restart ms from its start to the first right answer; $server_memory MB at its"
    echo "peak, after \`/json\` and \`/csv\`. Disk: data directory $(du -sm "$rrdp" | cut -f 1) MB."
} >"$table"
cat "$table"
