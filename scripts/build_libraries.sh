#!/bin/sh
# Build the libraries of scripts/libraries.txt as static libraries that hold no more than the core
# needs: build_libraries.sh PREFIX
# OWU_LIBRARIES=PREFIX then makes setup.py link them. Needs a compiler, make, perl, pkg-config and
# zlib's headers: zlib itself is the system's, as Python's is.
#
# Environment:
#     OWU_TARBALLS   where the sources are kept (default: ~/.cache/openwebui-users/tarballs, or
#                    PREFIX-tarballs without a HOME). What lies there as NAME-VERSION.tar.gz is not
#                    downloaded, for builds without a network.
#     CC, CFLAGS     as usual
# Exits with 3 when a source cannot be had or PREFIX is none for this, with 1 when anything else fails.
set -eu

[ $# = 1 ] || {
    echo "usage: $0 PREFIX" >&2
    exit 2
}
here=$(cd "$(dirname "$0")" && pwd)
table=$here/libraries.txt
jobs=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)

fail() {
    printf 'openwebui_users: %s\n' "$1" >&2
    exit "${2:-1}"
}

mkdir -p "$1"
prefix=$(cd "$1" && pwd)
case $prefix in
*[[:space:]]*) fail "$prefix has white space, with which neither make nor pkg-config can do" 3 ;;
esac
cache=${XDG_CACHE_HOME:-${HOME:+$HOME/.cache}}
tarballs=${OWU_TARBALLS:-${cache:+$cache/openwebui-users/tarballs}}
tarballs=${tarballs:-$prefix-tarballs}

sha256() {
    if command -v sha256sum >/dev/null 2>&1; then
        sha256sum "$1"
    else
        shasum -a 256 "$1"
    fi | cut -d ' ' -f 1
}

rows() {
    grep -v '^#' "$table"
}

# Put the source NAME-VERSION.tar.gz, which has this SHA-256, where the sources are kept.
get() {
    file=$tarballs/$1-$2.tar.gz
    if [ ! -e "$file" ]; then
        mkdir -p "$tarballs"
        if command -v curl >/dev/null 2>&1; then
            curl -fsSL --proto '=https' --connect-timeout 20 --retry 2 -o "$file.part" "$4"
        elif command -v wget >/dev/null 2>&1; then
            wget -q --timeout=20 --tries=3 -O "$file.part" "$4"
        else
            fail "neither curl nor wget is there to download $4" 3
        fi || fail "$4 cannot be downloaded; put it into $tarballs as $1-$2.tar.gz" 3
        mv "$file.part" "$file"
    fi
    found=$(sha256 "$file")
    [ "$found" = "$3" ] || fail "$file has the SHA-256 $found, not $3: remove it"
}

# Built already, from the same table by the same script?
recipe=$(cat "$table" "$0" && printf '%s %s' "${CC:-}" "${CFLAGS:-}")
if [ "$(cat "$prefix/recipe" 2>/dev/null)" = "$recipe" ]; then
    exit 0
fi

# All before the first is built, so that a missing one is told at once.
rows | while read -r name version _ checksum address _; do
    get "$name" "$version" "$checksum" "$address"
done

# Only a folder that is ours is emptied.
[ -e "$prefix/recipe" ] || [ -z "$(ls -A "$prefix")" ] || fail "$prefix holds something else"
rm -rf "${prefix:?}"/*
: >"$prefix/recipe"

for tool in make perl pkg-config; do
    command -v $tool >/dev/null 2>&1 || fail "$tool is needed to build the libraries"
done
CC=${CC:-cc}
# Each function by itself, so that what is not reached is left out of the extension.
CFLAGS="${CFLAGS:-} -O2 -fPIC -fvisibility=hidden -ffunction-sections -fdata-sections"
export CC CFLAGS PKG_CONFIG_PATH="$prefix/lib/pkgconfig"

# What follows runs where `set -e` does not hold, since its failure is looked at: hence the &&.

build_cjson() {
    mkdir -p "$prefix/include/cjson" "$prefix/lib/pkgconfig" &&
        cp cJSON.h "$prefix/include/cjson/" &&
        cat >"$prefix/lib/pkgconfig/libcjson.pc" <<END &&
Name: libcjson
Description: JSON
Version: $version
Libs: -L$prefix/lib -lcjson
Libs.private: -lm
Cflags: -I$prefix/include -I$prefix/include/cjson
END
        $CC $CFLAGS -DCJSON_HIDE_SYMBOLS -c cJSON.c &&
        ar rcs "$prefix/lib/libcjson.a" cJSON.o
}

# TLS 1.2 and 1.3 for a client. It reads no openssl.cnf: that of a system is written for the system's
# OpenSSL, and a folder of the machine that built it is none to trust. It looks for no certificates
# either, since the core says where they are (csrc/core/ca.c).
build_openssl() {
    ./config --prefix="$prefix" --libdir=lib --openssldir=/etc/ssl no-shared no-module no-engine \
        no-dso no-apps no-tests no-docs no-autoload-config no-legacy no-comp no-zlib no-ssl3 \
        no-dtls no-quic no-srp no-gost no-cmp no-ts no-rfc3779 no-sctp no-weak-ssl-ciphers \
        no-aria no-bf no-blake2 no-camellia no-cast no-idea no-md4 no-mdc2 no-rc2 no-rc4 no-rmd160 \
        no-seed no-siphash no-sm2 no-sm3 no-sm4 no-whirlpool no-scrypt no-argon2 no-slh-dsa &&
        make -j"$jobs" build_libs &&
        make install_dev
}

build_nghttp2() {
    ./configure --prefix="$prefix" --libdir="$prefix/lib" --disable-dependency-tracking \
        --enable-lib-only --disable-shared --enable-static --with-pic &&
        make -j"$jobs" -C lib install
}

# HTTP/1.1 and HTTP/2, with and without TLS, through proxies and Unix sockets, compressed with zlib.
# Where the certificates are is found when it runs.
build_curl() {
    ./configure --prefix="$prefix" --libdir="$prefix/lib" --disable-dependency-tracking \
        --disable-shared --enable-static --with-pic --enable-symbol-hiding \
        --with-openssl="$prefix" --with-nghttp2="$prefix" --with-zlib --without-ca-bundle \
        --without-ca-path --disable-openssl-auto-load-config --enable-threaded-resolver \
        --enable-ipv6 --enable-unix-sockets --enable-proxy \
        --without-brotli --without-zstd --without-libpsl --without-libidn2 --without-libssh2 \
        --without-librtmp --without-nghttp3 --without-ngtcp2 --without-gssapi --disable-ares \
        --disable-ftp --disable-file --disable-ipfs --disable-ldap --disable-ldaps --disable-rtsp \
        --disable-dict --disable-telnet --disable-tftp --disable-pop3 --disable-imap --disable-smb \
        --disable-smtp --disable-gopher --disable-mqtt --disable-websockets --disable-manual \
        --disable-docs --disable-libcurl-option --disable-ntlm --disable-kerberos-auth \
        --disable-negotiate-auth --disable-aws --disable-httpsig --disable-tls-srp \
        --disable-cookies --disable-doh --disable-form-api --disable-alt-svc --disable-hsts \
        --disable-get-easy-options &&
        make -j"$jobs" -C lib install &&
        make -C include install &&
        make install-pkgconfigDATA
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

rows | while read -r name version _ _ _ license; do
    echo "openwebui_users: building $name $version"
    mkdir "$work/$name"
    tar xzf "$tarballs/$name-$version.tar.gz" -C "$work/$name" --strip-components=1
    (cd "$work/$name" && set -x && "build_$name") >"$work/log" 2>&1 || {
        tail -n 40 "$work/log" >&2
        fail "$name $version cannot be built"
    }
    mkdir -p "$prefix/share/licenses/$name"
    cp "$work/$name/$license" "$prefix/share/licenses/$name/"
done
cp "$table" "$prefix/share/libraries.txt"
printf '%s\n' "$recipe" >"$prefix/recipe"
