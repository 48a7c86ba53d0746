#!/bin/sh
# Run the unit tests on a build with AddressSanitizer and UndefinedBehaviorSanitizer:
# test_sanitized.sh PYTHON [pytest arguments]
# The build is in build/sanitized; the usual build stays.
set -eu

python=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
shift
folder=build/sanitized

# The interpreter is not instrumented, so the runtime has to be there before it.
runtime=$(${CC:-cc} -print-file-name=libasan.so)
[ -e "$runtime" ] || {
    echo "openwebui_users: this compiler has no AddressSanitizer (libasan)" >&2
    exit 1
}
# Extensions in C++ throw through the runtime, which has to find the C++ library before they load it.
throwing=$(${CC:-cc} -print-file-name=libstdc++.so.6)
[ ! -e "$throwing" ] || runtime="$runtime $throwing"

rm -rf "$folder/package"
OWU_SANITIZE=1 "$python" setup.py -q build --build-base "$folder" --build-lib "$folder/package"

# CPython keeps memory until the end of the process by design: leaks have tests of their own.
export ASAN_OPTIONS="detect_leaks=0:abort_on_error=1" UBSAN_OPTIONS=print_stacktrace=1
export PYTHONMALLOC=malloc PYTHONPATH="$PWD/$folder/package"
# The house and the C tests do not use the extension; the rest runs as ever, on the other build.
# pytest as a program, since `python -m` would put this folder, with the usual build, first.
LD_PRELOAD="$runtime" exec "$(dirname "$python")/pytest" -m 'not real_server' \
    --ignore=tests/house --ignore=tests/test_c.py "$@"
