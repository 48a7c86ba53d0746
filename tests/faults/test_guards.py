"""The worst faults without the guard against them: what the other tests would then see.

One build lacks all guards, and each guard is tested separately. If no test notices that a guard is
missing, the guard has no effect, or its test does not check it.
"""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

import pytest
import trustme
from raw_server import RawServer, echo, fault, in_turn, reply_json
from variants import Edit, build_variant, run_in_variant

from faults.test_async import run_fork as run_fork_of_the_engine
from faults.test_network import BOMB, USERS
from faults.test_process import run_fork

HTTP, URL, RETRY = "csrc/core/http.c", "csrc/core/url.c", "csrc/core/retry.c"
WITHOUT_GUARDS = (
    # fork: the child keeps the parent's connections
    Edit(
        "csrc/core/pool.c",
        "    pool->n_idle = 0; /* abandoned: see owu_http__multi_free */\n",
        "",
    ),
    Edit(HTTP, "    atomic_fetch_add(&generation, 1);\n", ""),
    Edit(
        HTTP,
        "if (poll(&look, 1, 0) != 0) {",
        "if (poll(&look, 1, 0) < 0) {",
    ),
    Edit(
        "csrc/core/engine.c",
        "    engine->runs = engine->stops = engine->asleep = false;\n    engine->multi = NULL;\n",
        "",
    ),
    # size: no cap on what is decompressed
    Edit(HTTP, "answer->body.limit = request->max_body;", "answer->body.limit = (size_t)1 << 30;"),
    # headers: any byte goes
    Edit(URL, "if ((c < 0x20 && c != '\\t') || c >= 0x7F) {", "if (c == 0) {"),
    Edit(
        "csrc/python/py_configure.c", "if (key[i] <= ' ' || key[i] > '~') {", "if (key[i] == 0) {"
    ),
    # paths: an id goes in as it is
    Edit(
        URL,
        "    if (is_dot_segment(text, len)) {\n        return owu_fail(err, OWU_EVALUE,\n"
        '                        "%s is a dot segment',
        "    if (len == SIZE_MAX) {\n"
        '        return owu_fail(err, OWU_EVALUE,\n                        "%s is a dot segment',
    ),
    Edit(
        URL,
        "    append_encoded(out, text, len);\n    return buffer_status(out, err);\n}\n\n"
        "owu_status owu_url_query(",
        "    (void)owu_buffer_append(out, text, len);\n"
        "    return buffer_status(out, err);\n}\n\nowu_status owu_url_query(",
    ),
    Edit(URL, "if (memchr(text, '/', len) != NULL) {", "if (len == SIZE_MAX) {"),
    # writes: repeated like reads
    Edit(
        HTTP,
        "const unsigned allowed = t->request->repeatable ? 2 : 1;",
        "const unsigned allowed = 2;",
    ),
    Edit(RETRY, "return attempt->repeatable ||", "return true || attempt->repeatable ||"),
)


# Not a guard: a system without certificates.
WITHOUT_CERTIFICATES = Edit(
    "csrc/core/ca.c",
    "return path != NULL && access(path, R_OK) == 0;",
    "return path == NULL && access(path, R_OK) == 0;",
)


@pytest.fixture(scope="module")
def unguarded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_variant(
        tmp_path_factory.mktemp("unguarded"), (*WITHOUT_GUARDS, WITHOUT_CERTIFICATES)
    )


def test_fork(unguarded: Path) -> None:
    with RawServer(echo) as raw:
        assert run_fork(raw.url, "", 0, unguarded)[:2] == [0, 0]  # the script itself works
        for _ in range(5):  # the two may happen not to meet, where the machine is busy
            try:
                wrong, wrong_in_child, _ = run_fork(raw.url, "", 200, unguarded)
            except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
                return  # answers torn in half end in all ways there are
            if (wrong, wrong_in_child) != (0, 0):
                return
        pytest.fail("nobody noticed")


def test_fork_of_the_engine(unguarded: Path) -> None:
    """The child waits for a thread that is the parent's."""
    with RawServer(echo) as raw:
        _, wrong_in_child = run_fork_of_the_engine(raw.url, 20, unguarded)
        assert wrong_in_child == 100


def test_bomb(unguarded: Path) -> None:
    script = BOMB.replace(
        "except ResponseTooLargeError as error:\n        print(peak() - before, error.limit)",
        "except Exception:\n        pass\n    print(peak() - before, 0)",
    )
    with RawServer(in_turn(USERS, fault("bomb"))) as raw:
        done = run_in_variant(unguarded, script, raw.url)
    assert int(done.stdout.split()[0]) > 100_000_000


def test_header_injection(unguarded: Path) -> None:
    script = (
        "import sys\nfrom openwebui_users import UsersClient\n"
        "with UsersClient(sys.argv[1], 'sk-x\\r\\nX-Injected: 1') as client: client.get_users()"
    )
    with RawServer(USERS) as raw:
        run_in_variant(unguarded, script, raw.url)
        assert raw.header("x-injected") == "1"


def test_other_routes_through_an_id(unguarded: Path) -> None:
    script = (
        "import sys\nfrom openwebui_users import UsersClient\n"
        "with UsersClient(sys.argv[1], 'sk-x') as client:\n"
        "    client.get_user_groups_by_id('../auths/admin/config?x=')"
    )
    with RawServer(reply_json([])) as raw:
        run_in_variant(unguarded, script, raw.url)
        assert raw.lines() == ["GET /api/v1/users/../auths/admin/config?x=/groups"]


def test_writes_twice(unguarded: Path) -> None:
    script = (
        "import sys\nfrom openwebui_users import Retry, UsersClient\n"
        "with UsersClient(sys.argv[1], 'sk-x', retry=Retry(1, base_delay=0.01)) as client:\n"
        "    client.update_user_info({'a': 1})"
    )
    with RawServer(fault("reset")) as raw:
        run_in_variant(unguarded, script, raw.url)
        assert raw.lines() == ["POST /api/v1/users/user/info/update"] * 2


def test_certifi_where_the_system_has_no_certificates(unguarded: Path, tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    script = (
        "import os, sys, types\n"
        "for name in ('SSL_CERT_FILE', 'CURL_CA_BUNDLE', 'SSL_CERT_DIR'):\n"
        "    os.environ.pop(name, None)\n"
        "from openwebui_users import TLSError, UsersClient\n"
        "def trusts():\n"
        "    with UsersClient(sys.argv[1], 'sk-x', retry=0) as client:\n"
        "        try: return client.get_users().total == 0\n"
        "        except TLSError: return False\n"
        "sys.modules['certifi'] = None\n"
        "without = trusts()\n"
        "sys.modules['certifi'] = types.SimpleNamespace(where=lambda: sys.argv[2])\n"
        "print(without, trusts())"
    )
    with RawServer(USERS, tls=context) as raw:
        done = run_in_variant(unguarded, script, raw.url, str(tmp_path / "ca.pem"))
    assert done.stdout == "False True\n", done.stderr
