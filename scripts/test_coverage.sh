#!/bin/sh
# Show which lines of csrc/ the tests reach: test_coverage.sh PYTHON [pytest arguments]
# It makes a build for gcov in build/coverage, runs the unit tests and the tests of the core on it,
# and makes a report with gcovr.
set -eu

python=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
bin=$(dirname "$python")
shift
folder=build/coverage
least=90 # per cent of lines

[ -x "$bin/gcovr" ] || {
    echo "openwebui_users: gcovr is not there: $bin/pip install 'gcovr>=7'" >&2
    exit 1
}
rm -rf "$folder"
export OWU_COVERAGE=1
"$python" setup.py -q build --build-base "$folder" --build-lib "$folder/package"
passed=yes # a report is made of what ran, also when a test failed
PYTHONPATH="$PWD/$folder/package" "$bin/pytest" -m 'not real_server' --ignore=tests/house "$@" || passed=no
"$bin/gcovr" --root . --filter csrc/ --exclude-unreachable-branches \
    --merge-mode-functions merge-use-line-min \
    --html-details "$folder/report.html" --txt-metric line --txt "$folder/report.txt" \
    --fail-under-line "$least" "$folder" || { cat "$folder/report.txt"; exit 1; }
cat "$folder/report.txt"
echo "line by line: $folder/report.html"
[ "$passed" = yes ]
