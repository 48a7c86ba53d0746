#!/bin/sh
# Install what the build needs and this machine lacks: a compiler, libcurl, cJSON, Python's headers.
# Installs only as root or with a sudo that asks no password; otherwise prints the command to run.
# install_requirements.sh wheel: also what building those libraries for a wheel needs.
# PYTHON names the interpreter to build for (default: python3).
set -eu

PYTHON=${PYTHON:-python3}
purpose=${1:-}

fail() {
    printf 'openwebui_users: %s\n' "$1" >&2
    exit 1
}

# What is still missing, one word each. Quiet and quick when nothing is.
missing() {
    command -v cc >/dev/null 2>&1 || echo compiler
    if command -v pkg-config >/dev/null 2>&1; then
        pkg-config --exists 'libcurl >= 7.87' || echo libcurl
        pkg-config --exists 'libcjson >= 1.7.15' || echo libcjson
    else
        echo pkg-config libcurl libcjson
    fi
    if [ "$purpose" = wheel ]; then
        # Debian's perl-base, which is always there, lacks modules that OpenSSL's build loads
        perl -MFindBin -MIPC::Cmd -MFile::Compare -MTime::Piece -e 1 2>/dev/null || echo perl
        # macOS has it without a .pc file
        [ "$(uname)" = Darwin ] || pkg-config --exists zlib 2>/dev/null || echo zlib
    fi
    if command -v "$PYTHON" >/dev/null 2>&1; then
        "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null || echo venv
        "$PYTHON" -c 'import os, sys, sysconfig
header = os.path.join(sysconfig.get_path("include"), "Python.h")
sys.exit(not os.path.exists(header))' || echo Python.h
    else
        echo "$PYTHON"
    fi
}

# Packages of Python in this system's words, if any of it is missing: one that was installed otherwise
# has all, and the system may know no package of its version. Debian keeps venv and headers apart.
python_packages() {
    case " $lacking" in
    *" $PYTHON "* | *' venv '* | *' Python.h '*) ;;
    *) return ;;
    esac
    name=python3
    case $PYTHON in
    python3.*) name=$PYTHON ;;
    esac
    case $1 in
    apt) echo "$name $name-venv $name-dev" ;;
    dnf) echo 'python3 python3-devel' ;;
    apk) echo 'python3 python3-dev' ;;
    brew) echo 'python3' ;;
    esac
}

lacking=$(missing | tr '\n' ' ')
if [ -n "$lacking" ]; then
    update=
    needs_root=yes
    if command -v apt-get >/dev/null 2>&1; then
        packages="gcc libc6-dev pkg-config libcurl4-openssl-dev libcjson-dev $(python_packages apt)"
        [ "$purpose" != wheel ] || packages="$packages curl make perl zlib1g-dev"
        update='apt-get update'
        install="env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $packages"
    elif command -v dnf >/dev/null 2>&1; then
        packages="gcc libasan libubsan pkgconf-pkg-config libcurl-devel cjson-devel $(python_packages dnf)"
        [ "$purpose" != wheel ] || packages="$packages curl make perl zlib-devel"
        install="dnf install -y $packages"
    elif command -v apk >/dev/null 2>&1; then
        packages="gcc musl-dev pkgconf curl-dev cjson-dev $(python_packages apk)"
        [ "$purpose" != wheel ] || packages="$packages curl linux-headers make perl zlib-dev"
        install="apk add $packages"
    elif command -v brew >/dev/null 2>&1; then
        install="brew install pkg-config curl cjson $(python_packages brew)"
        needs_root=
    else
        fail "missing: $lacking- install them with this system's package manager."
    fi

    sudo=
    if [ -n "$needs_root" ] && [ "$(id -u)" != 0 ]; then
        if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
            sudo='sudo -n'
        else
            fail "missing: $lacking- install them, as root, with:
    ${update:+sudo $update && }sudo $install"
        fi
    fi

    echo "openwebui_users: missing: $lacking- installing"
    # One unreachable repository must not stop an installation from the others.
    [ -z "$update" ] || $sudo $update || echo 'openwebui_users: apt-get update failed; going on' >&2
    $sudo $install || fail "the installation failed: $sudo $install"
    lacking=$(missing | tr '\n' ' ')
    [ -z "$lacking" ] || fail "still missing or too old after the installation: $lacking"
fi

"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
    fail "Python 3.10 or newer is needed, $PYTHON is $("$PYTHON" -V 2>&1). Choose one with PYTHON=…"
