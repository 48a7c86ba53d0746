#!/bin/sh
# Run each fuzz target for SECONDS, with libFuzzer, AddressSanitizer and UBSan.
#
#     scripts/fuzz.sh PYTHON SECONDS [TARGET...]
#
# libFuzzer writes interesting inputs to build/fuzz/TARGET, and inputs that fail to
# build/fuzz/failures. Shorten those (-minimize_crash=1), and add them to tests/fuzz/corpus/TARGET.
set -eu
usage() {
    echo "usage: $0 PYTHON SECONDS [TARGET...], SECONDS from 1 on; targets: $(echo $known)" >&2
    exit 2
}

known=$(cd tests/fuzz && ls fuzz_*.c | sed 's/^fuzz_//; s/\.c$//')
[ $# -ge 2 ] || usage
python=$1
seconds=$2
shift 2
# to libFuzzer, 0 is for ever
case $seconds in
'' | 0* | *[!0-9]*) usage ;;
esac
for target; do
    [ -e "tests/fuzz/fuzz_$target.c" ] || usage
done

clang=${CLANG:-clang}
out=build/fuzz
mkdir -p "$out/failures"
if ! echo 'int LLVMFuzzerTestOneInput(const char *d, long n) { (void)d; (void)n; return 0; }' |
    "$clang" -x c -fsanitize=fuzzer,address - -o "$out/probe" 2>"$out/probe.log"; then
    echo "$clang cannot make fuzzers: install clang with its runtime (Debian: clang" \
        "libclang-rt-14-dev, or the newest of libclang-rt-*-dev; Fedora: clang compiler-rt)" >&2
    cat "$out/probe.log" >&2
    exit 1
fi
flags="-std=c11 -g -O1 -fno-omit-frame-pointer -DOWU_VERSION=\"0.0.0\" -Icsrc/core"
sanitizers="-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all"
# shellcheck disable=SC2086
[ $# -gt 0 ] || set -- $known
for target; do
    # shellcheck disable=SC2046,SC2086
    "$clang" $flags $sanitizers $(pkg-config --cflags libcurl libcjson) "tests/fuzz/fuzz_$target.c" \
        csrc/core/*.c $(pkg-config --libs libcurl libcjson) -lm -lpthread -o "$out/fuzz_$target"
done
"$python" tests/fuzz/seeds.py "$out"
failed=0
for target; do
    mkdir -p "$out/$target"
    echo "== $target: $seconds seconds"
    "$out/fuzz_$target" -max_total_time="$seconds" -max_len=4096 -timeout=10 -print_final_stats=1 \
        -dict=tests/fuzz/json.dict -artifact_prefix="$out/failures/$target-" \
        "$out/$target" "$out/seeds/$target" >"$out/$target.log" 2>&1 ||
        failed=1
    grep -E '^stat::number_of_executed_units|^SUMMARY|does not hold|^DONE|^Done' "$out/$target.log" || true
done
[ "$failed" = 0 ] || { echo "failures are in $out/failures" >&2; exit 1; }
