#!/bin/sh
# Run the unit tests on each of these versions of Python that this machine has, each in a venv of
# its own: test_pythons.sh 3.10 3.11 …
set -eu

# A name on PATH may be a mere shim for a version that is not active, so it has to run.
find_python() {
    for candidate in "python$1" "${PYENV_ROOT:-${HOME:-}/.pyenv}"/versions/"$1".*/bin/"python$1"; do
        if "$candidate" -c 'import ensurepip, venv' >/dev/null 2>&1; then
            echo "$candidate"
            return
        fi
    done
}

tested='' skipped='' failed=''
for version in "$@"; do
    python=$(find_python "$version")
    if [ -z "$python" ]; then
        echo "== Python $version: skipped, not found"
        skipped="$skipped $version"
        continue
    fi
    echo "== Python $version: $python"
    if "${MAKE:-make}" --no-print-directory unit VENV=".venv-$version" PYTHON="$python"; then
        tested="$tested $version"
    else
        failed="$failed $version"
    fi
done
echo "== passed:${tested:- none}; failed:${failed:- none}; skipped, not found:${skipped:- none}"
[ -z "$failed" ] && [ -n "$tested" ]
