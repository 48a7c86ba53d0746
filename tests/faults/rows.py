"""The table of faults: each fault has a promise and the tests that show it.

docs/faults.md is made from it (make generate), and every test that it names must exist.
"""

from __future__ import annotations

from dataclasses import dataclass

NETWORK, INPUT, PROCESS = "Network and server", "Hostile or wrong input", "Process"
ASYNC = "Many calls at once"


@dataclass(frozen=True)
class Row:
    """One fault. Tests are named file::function below tests/."""

    part: str
    fault: str
    promise: str
    tests: tuple[str, ...]


N, T = "faults/test_network.py", "faults/test_tls.py"
I, P = "faults/test_input.py", "faults/test_process.py"  # noqa: E741
O, G = "faults/test_observe.py", "faults/test_guards.py"  # noqa: E741
C, H = "unit/test_client.py", "unit/test_hostile.py"
A, U = "faults/test_async.py", "unit/test_async.py"
M, L = "unit/test_map.py", "unit/test_listing.py"

ROWS = [
    Row(
        NETWORK,
        "connection refused",
        "`ConnectError`; repeated, even a write: nothing was sent",
        (f"{N}::test_refused", f"{N}::test_refused_at_first_then_there"),
    ),
    Row(NETWORK, "unknown host name", "`DNSError`; repeated", (f"{N}::test_a_name_that_is_none",)),
    Row(
        NETWORK,
        "a resolver that hangs",
        "the deadline and Ctrl-C hold",
        (f"{N}::test_a_resolver_that_hangs",),
    ),
    Row(
        NETWORK,
        "a host that answers no connection",
        "`ConnectTimeout` after the connect timeout",
        (f"{N}::test_a_black_hole",),
    ),
    Row(
        NETWORK,
        "many abandoned attempts to connect",
        "the client connects as before once the server answers again",
        (f"{N}::test_a_client_outlives_many_attempts_to_connect",),
    ),
    Row(
        NETWORK,
        "closed or reset before the status line",
        "`ReadError`; reads are repeated, writes are not",
        (f"{N}::test_no_status_line", f"{N}::test_no_status_line_then_an_answer"),
    ),
    Row(
        NETWORK,
        "a kept-alive connection that dies",
        "for reads, one more attempt that does not count as a retry; for writes, `ReadError`",
        (
            f"{N}::test_a_kept_connection_that_dies_is_replaced_once_for_reads",
            f"{N}::test_a_kept_connection_that_dies_is_not_replaced_for_writes",
        ),
    ),
    Row(
        NETWORK,
        "a kept-alive connection that dies and cannot be replaced",
        "`ReadError` or `ReadTimeout`, not `ConnectError`: the request may have arrived",
        (f"{N}::test_a_kept_connection_that_dies_with_its_server",),
    ),
    Row(
        NETWORK,
        "headers that break off",
        "`IncompleteReadError`; no part of the answer is used",
        (f"{N}::test_half_a_head",),
    ),
    Row(
        NETWORK,
        "reset in the body, fewer bytes than announced, chunks cut off",
        "`IncompleteReadError(received, expected)`; no part of the answer is used",
        (f"{N}::test_half_a_body",),
    ),
    Row(
        NETWORK,
        "headers or a body that arrive byte by byte; no answer at all",
        "`ReadTimeout`: the timeout covers the whole call",
        (f"{N}::test_a_deadline_covers_everything", f"{N}::test_a_deadline_covers_retries"),
    ),
    Row(
        NETWORK,
        "an outage longer than the timeout",
        "`Retry(max_elapsed=…)` outlasts it",
        (
            f"{N}::test_max_elapsed_outlasts_the_timeout",
            "e2e/test_restart.py::test_a_restart_in_the_middle_of_reads",
        ),
    ),
    Row(
        NETWORK,
        "status 408, 429, 502, 503, 504",
        "reads are repeated; writes only after 429, or with `retry_writes=True`",
        (
            f"{N}::test_a_status_that_passes",
            f"{N}::test_a_status_that_stays",
            f"{N}::test_a_write_is_not_repeated_for_a_status",
            f"{N}::test_a_write_is_repeated_after_429",
        ),
    ),
    Row(
        NETWORK,
        "Retry-After in seconds or as a date",
        "the client waits, up to 120 s and within the deadline; otherwise it raises at "
        "once, with `.retry_after`",
        (
            f"{N}::test_retry_after_is_waited_for",
            f"{N}::test_a_date_is_read_by_the_clock_of_the_server",
            f"{N}::test_a_long_retry_after_is_raised_at_once",
            f"{N}::test_a_retry_after_that_says_nothing",
            f"{N}::test_a_retry_after_beyond_the_deadline_is_not_waited_for",
            "test_c.py::test_program",
        ),
    ),
    Row(
        NETWORK,
        "a server that is down, and 64 threads",
        "all threads share one budget of retries",
        (f"{N}::test_many_threads_do_not_storm_a_server_that_is_down",),
    ),
    Row(
        NETWORK,
        "any failure of a request",
        "no call that changes something is sent twice: every call, counted at the server",
        (
            f"{N}::test_only_reads_are_repeated",
            f"{N}::test_an_old_sign_out_is_not_repeated",
            f"{G}::test_writes_twice",
        ),
    ),
    Row(
        NETWORK,
        "redirects, loops of them",
        "`RedirectError(location)`; with `follow_redirects=True` GET within the origin, 5 at most",
        (
            f"{N}::test_redirects_are_not_followed",
            f"{N}::test_redirects_within_the_origin_are_followed_when_asked_for",
            f"{N}::test_a_loop_of_redirects_ends",
        ),
    ),
    Row(
        NETWORK,
        "a redirect to another origin, from https to http, to another protocol",
        "not followed; no credential leaves the origin. Profile images: one redirect, without any",
        (
            f"{N}::test_no_credential_leaves_the_origin",
            f"{N}::test_a_picture_elsewhere_is_fetched_without_credentials",
            f"{N}::test_a_picture_is_redirected_once",
            f"{T}::test_a_picture_elsewhere_is_fetched_without_the_client_certificate",
        ),
    ),
    Row(
        NETWORK,
        "bad certificate, wrong host, expired, old TLS",
        "`TLSError` with the reason, never repeated",
        (
            f"{T}::test_an_unknown_authority_is_refused_once",
            f"{T}::test_another_host_is_refused",
            f"{T}::test_an_expired_certificate_is_refused",
            f"{T}::test_old_tls_is_refused",
        ),
    ),
    Row(
        NETWORK,
        "a TLS handshake that breaks off",
        "`ConnectError`; repeated: the cause is not a certificate",
        (f"{T}::test_a_handshake_that_breaks_is_tried_again",),
    ),
    Row(
        NETWORK,
        "a certificate authority of your own, and client certificates",
        "`ca_file`, the environment, the system, certifi, in that order; client certificates; "
        "`verify=False` warns once",
        (
            f"{T}::test_a_server_of_an_own_authority",
            f"{T}::test_where_certificates_are_looked_for",
            f"{T}::test_a_file_of_certificates_replaces_the_systems",
            f"{G}::test_certifi_where_the_system_has_no_certificates",
            f"{T}::test_a_client_certificate",
            f"{T}::test_without_verification_there_is_one_warning",
        ),
    ),
    Row(
        NETWORK,
        "a proxy in between",
        "http, https, socks; `NO_PROXY`; `trust_env=False`; its password is shown nowhere",
        (
            f"{T}::test_an_http_proxy",
            f"{T}::test_a_tunnel_for_https",
            f"{T}::test_a_socks_proxy",
            f"{T}::test_proxies_of_the_environment",
            f"{T}::test_a_proxy_with_a_password_shows_it_nowhere",
            f"{T}::test_a_proxy_that_is_not_there",
            f"{T}::test_a_proxy_that_libcurl_would_leave_out",
            f"{N}::test_a_proxy_that_answers_without_end",
            f"{N}::test_a_proxy_that_refuses",
        ),
    ),
    Row(
        NETWORK,
        "200 MB in 0.2 MB of gzip",
        "`ResponseTooLargeError`: `max_body` counts decompressed bytes; memory stays under 100 MB",
        (
            f"{N}::test_a_gzip_bomb",
            f"{N}::test_the_cap_counts_decompressed_bytes",
            f"{G}::test_bomb",
        ),
    ),
    Row(
        NETWORK,
        "JSON nested 100,000 deep",
        "`ResponseDecodeError` at depth 500, also on a stack of 256 KiB",
        (f"{N}::test_deep_json_on_a_small_stack",),
    ),
    Row(NETWORK, "invalid UTF-8", "`ResponseDecodeError(offset)`", (f"{N}::test_invalid_utf8",)),
    Row(
        NETWORK,
        "a web page with 200",
        "`UnexpectedContentTypeError` that names the base URL and what to try",
        (f"{N}::test_a_web_page_with_200",),
    ),
    Row(
        NETWORK,
        "the page of a proxy with 502",
        "the status decides; the body is kept as it is",
        (f"{N}::test_the_page_of_a_proxy_with_502",),
    ),
    Row(
        NETWORK,
        "no HTTP, a bad status line, a header of 1 MB, 300 headers",
        "`ProtocolError`",
        (f"{N}::test_what_is_not_http", f"{N}::test_many_headers"),
    ),
    Row(
        NETWORK,
        "a header line that goes on with one that is not there",
        "`ProtocolError`, even with a libcurl that would read memory of the previous answer",
        (f"{N}::test_folded_header_lines", "test_c.py::test_fuzz_corpus"),
    ),
    Row(
        NETWORK,
        "an unrequested answer on a kept-alive connection",
        "the connection is not used again: every answer belongs to its request",
        (f"{N}::test_an_answer_nobody_asked_for",),
    ),
    Row(
        NETWORK,
        "content types in capitals, trailers that look like status lines",
        "read correctly",
        (
            f"{N}::test_a_content_type_in_capitals",
            f"{N}::test_a_trailer_that_looks_like_a_status_line",
        ),
    ),
    Row(
        NETWORK,
        "a server that repeats the key",
        "the key is masked in every text of an exception",
        (f"{N}::test_what_a_server_repeats_of_the_key_is_shown_nowhere",),
    ),
    Row(
        NETWORK,
        "retries after redirects, time spent in hooks",
        "counted for the call as a whole",
        (f"{N}::test_retries_are_counted_over_redirects", f"{N}::test_time_in_a_hook_counts"),
    ),
    Row(
        NETWORK,
        "the server restarts",
        "each call succeeds or fails with its exception; nothing hangs",
        ("e2e/test_restart.py::test_a_restart_in_the_middle_of_reads",),
    ),
    Row(
        INPUT,
        "an id such as `../auths/admin/config`, `a/b`, `..`, `%2e%2e`, an empty one, controls",
        "`ValueError`, nothing is sent; any other id is one segment of the path",
        (
            f"{C}::test_an_id_is_one_segment",
            f"{C}::test_an_id_that_would_leave_its_route_is_refused",
            f"{C}::test_an_id_that_names_another_route_is_refused",
            f"{C}::test_any_id_decodes_back",
            f"{G}::test_other_routes_through_an_id",
        ),
    ),
    Row(
        INPUT,
        "CR, LF or any other of 256 bytes in a key, header, user agent or proxy",
        "`ValueError` without the key, before anything is sent",
        (
            f"{I}::test_every_byte_in_a_key",
            f"{I}::test_every_byte_in_a_header",
            f"{I}::test_every_byte_in_a_user_agent",
            f"{I}::test_controls_in_a_proxy",
            f"{G}::test_header_injection",
        ),
    ),
    Row(
        INPUT,
        "`&=#+%` and other scripts in a query",
        "arrive as given",
        (f"{C}::test_query_values_arrive_as_given",),
    ),
    Row(
        INPUT,
        "base URLs with and without `/api/v1`, sub-path, IPv6, Unix sockets",
        "normalised, or refused with the reason",
        (
            f"{I}::test_base_urls",
            f"{I}::test_an_ipv6_base_url",
            f"{I}::test_a_unix_socket",
            "test_c.py::test_program",
        ),
    ),
    Row(
        INPUT,
        "invalid options",
        "an error that names the option",
        (f"{I}::test_options_that_do_not_fit",),
    ),
    Row(
        INPUT,
        "values that JSON cannot represent, cycles, keys with the same text",
        "`SerializationError(loc)`, nothing is sent",
        (
            f"{H}::test_a_model_within_itself_is_not_sent",
            f"{H}::test_a_model_within_itself_on_a_small_stack",
            f"{H}::test_two_keys_that_read_the_same",
        ),
    ),
    Row(
        INPUT,
        "integers of any size, free-form JSON",
        "exact, and sent back as they came",
        (
            f"{H}::test_integers_of_many_digits_are_read",
            f"{H}::test_free_form_text_goes_back_as_it_came",
        ),
    ),
    Row(
        PROCESS,
        "a fork with connections open",
        "no process gets an answer of the other one, over http and https; no lock stays held",
        (
            f"{P}::test_a_fork_gets_no_foreign_answers",
            f"{P}::test_forks_while_threads_work",
            f"{P}::test_a_fork_within_a_call_leaves_it_to_the_parent",
            f"{P}::test_a_fork_within_a_hook_leaves_the_call_to_the_parent",
            f"{G}::test_fork",
        ),
    ),
    Row(
        PROCESS,
        "Ctrl-C in a transfer or between retries",
        "`KeyboardInterrupt`, usually within 0.2 s, at worst within a second; the client "
        "stays usable",
        (f"{P}::test_ctrl_c_at_random_moments",),
    ),
    Row(
        PROCESS,
        "other signals",
        "their handlers run; the call goes on",
        (f"{P}::test_a_signal_handler_that_returns_disturbs_nothing",),
    ),
    Row(
        PROCESS,
        "a thread that changes the environment during calls",
        "no crash: the environment is read when a client is created",
        (f"{T}::test_the_environment_may_change_during_calls",),
    ),
    Row(
        PROCESS,
        "64 threads and one client",
        "every answer belongs to its request; no data race in the core",
        (
            f"{P}::test_sixty_four_threads_and_one_client",
            f"{P}::test_closing_while_another_thread_calls",
            "test_c.py::test_no_race",
        ),
    ),
    Row(
        PROCESS,
        "closed during a call, closed twice, used afterwards",
        "`ClientClosedError`; no call hangs",
        (
            f"{P}::test_closing_while_another_thread_calls",
            f"{P}::test_closing_before_a_retry_without_delay",
            f"{P}::test_closed_twice_and_used_after",
        ),
    ),
    Row(
        PROCESS,
        "dropped, collected, alive at the end of the interpreter",
        "no crash and nothing on stderr; an unclosed client that was used is a `ResourceWarning`",
        (
            f"{P}::test_dropped_unclosed",
            f"{P}::test_a_cycle_with_a_client_is_collected",
            f"{P}::test_the_end_of_the_interpreter",
        ),
    ),
    Row(
        PROCESS,
        "other interpreters in the process",
        "they work, and their end does not disturb the calls of others; an interpreter "
        "with a lock of its own cannot import the package",
        (
            "faults/test_interpreters.py::test_interpreters_that_share_a_lock",
            "faults/test_interpreters.py::test_an_interpreter_with_a_lock_of_its_own",
        ),
    ),
    Row(
        PROCESS,
        "memory that runs out: the n-th allocation fails, for all n",
        "`MemoryError`, never a wrong result; no crash, no leak, and the client works on",
        (
            "test_c.py::test_program",
            "memory/test_out_of_memory.py::test_each_allocation_fails_once",
            f"{A}::test_memory_that_runs_out",
        ),
    ),
    Row(
        PROCESS,
        "pickles of clients and exceptions",
        "whole, and exceptions free of secrets",
        (
            f"{P}::test_clients_are_pickled_with_their_options",
            f"{P}::test_exceptions_are_pickled_and_free_of_secrets",
            f"{P}::test_every_exception_class_is_pickled",
        ),
    ),
    Row(
        PROCESS,
        "logs and hooks",
        "called outside of libcurl; they never show bodies, keys, ids or values of a query",
        (
            f"{O}::test_logs",
            f"{O}::test_openwebui_log",
            f"{O}::test_hooks_see_every_attempt",
            f"{O}::test_a_hook_that_raises_stops_the_call",
            f"{O}::test_a_hook_may_call_the_client",
        ),
    ),
    Row(
        ASYNC,
        "1,000 cancellations at random moments",
        "`CancelledError`; no descriptor, transfer, task, thread or memory is left",
        (f"{A}::test_a_thousand_random_cancellations", "test_c.py::test_program"),
    ),
    Row(
        ASYNC,
        "cancelled, or timed out by asyncio",
        "the transfer stops, and the client serves other calls",
        (
            f"{A}::test_a_cancelled_call_stops_its_transfer",
            f"{A}::test_cancelled_before_it_began_and_while_it_waits_for_its_turn",
            f"{U}::test_task_groups_and_timeouts",
        ),
    ),
    Row(
        ASYNC,
        "asyncio, uvloop, anyio; several loops, one after another and at once",
        "one client serves all of them",
        (
            f"{U}::test_the_ways_of_asyncio",
            f"{U}::test_anyio",
            f"{U}::test_one_client_in_several_loops_one_after_another",
            f"{U}::test_one_client_in_several_loops_at_once",
        ),
    ),
    Row(
        ASYNC,
        "a blocking client in a running loop, as in a notebook",
        "it works; the loop waits",
        (f"{U}::test_the_blocking_client_in_a_running_loop",),
    ),
    Row(
        ASYNC,
        "a loop that is closed with calls under way",
        "the calls stop; no crash, nothing on stderr",
        (f"{A}::test_a_loop_that_is_closed_with_calls_under_way",),
    ),
    Row(
        ASYNC,
        "closed during calls, closed twice, used afterwards",
        "`ClientClosedError`; no thread and no connection is left when `close()` returns",
        (
            f"{U}::test_closing_ends_calls_and_refuses_others",
            f"{U}::test_an_unclosed_client_warns",
            f"{A}::test_clients_in_cycles_are_collected",
        ),
    ),
    Row(
        ASYNC,
        "the end of the interpreter with a live client, with calls, with daemon threads",
        "no crash, and nothing on stderr",
        (f"{A}::test_the_end_of_the_interpreter",),
    ),
    Row(
        ASYNC,
        "fork",
        "the child gets a thread and connections of its own; it gets no answers of the "
        "parent, and no call hangs",
        (
            f"{A}::test_a_fork_gets_no_foreign_answers",
            f"{A}::test_a_fork_while_calls_are_under_way",
            f"{A}::test_a_fork_that_goes_on_with_what_was_begun",
            f"{G}::test_fork_of_the_engine",
        ),
    ),
    Row(
        ASYNC,
        "HTTP/2: many calls over one connection, some of them cancelled",
        "only the cancelled stream stops; the others and the connection go on",
        (
            "unit/test_http2.py::test_many_calls_share_a_connection",
            "unit/test_http2.py::test_max_connections_bounds_what_is_under_way",
        ),
    ),
    Row(
        ASYNC,
        "unrequested answers, on connections that come and go",
        "never used as the answer to another call",
        (f"{A}::test_answers_that_nobody_asked_for",),
    ),
    Row(
        ASYNC,
        "a slow call, even the first one",
        "no other call waits for it",
        (f"{A}::test_a_slow_call_holds_no_other_up",),
    ),
    Row(
        ASYNC,
        "lists that report a wrong length",
        "the iteration ends",
        (f"{L}::test_totals_that_lie", f"{L}::test_totals_without_end"),
    ),
    Row(
        ASYNC,
        "more calls than connections",
        "first come, first served; `PoolTimeout` when the waiting time is over",
        (
            f"{U}::test_max_connections_and_the_order_of_those_who_wait",
            f"{U}::test_max_connections_of_threads",
            f"{U}::test_pool_timeout",
            f"{U}::test_pool_timeout_of_threads",
        ),
    ),
    Row(
        ASYNC,
        "Ctrl-C in `map`, an iteration that ends early",
        "calls under way stop; the client stays usable",
        (f"{M}::test_ctrl_c", f"{M}::test_stopping_early_stops_what_is_under_way"),
    ),
    Row(
        ASYNC,
        "a large answer",
        "it is read and decoded outside of the loop, which goes on",
        (f"{A}::test_a_large_answer_does_not_hold_the_loop_up",),
    ),
    Row(
        ASYNC,
        "users added and deleted during an iteration",
        "a user who is there all the time comes exactly once",
        (
            f"{L}::test_ten_thousand_users_while_others_come_and_go",
            f"{L}::test_whom_a_deletion_hides",
            f"{L}::test_whom_an_addition_repeats",
            f"{L}::test_what_count_and_total_cannot_tell",
        ),
    ),
]
