"""The formats of docs/openapi.json that JSON Schema has no words for, so that what schemathesis
makes up as right is right. docs/http.md has the command."""

import ipaddress

import schemathesis
from hypothesis import strategies as st


def prefixes(bits, network):
    def prefix(pair):
        address, length = pair
        return str(network((address, length), strict=False))

    return st.tuples(st.integers(0, 2**bits - 1), st.integers(0, bits)).map(prefix)


schemathesis.openapi.format(
    "ip-prefix",
    st.one_of(prefixes(32, ipaddress.IPv4Network), prefixes(128, ipaddress.IPv6Network)),
)
schemathesis.openapi.format(
    "as-number",
    st.tuples(st.sampled_from(["", "AS", "as"]), st.integers(0, 2**32 - 1)).map(
        lambda parts: parts[0] + str(parts[1])
    ),
)
# Nothing that is made up is a cursor or a version that was given out; these may be.
schemathesis.openapi.format("cursor", st.just("0:0"))
schemathesis.openapi.format("vrp-cursor", st.just("0:192.0.2.0/25-26-64496"))
schemathesis.openapi.format("router-key-cursor", st.just("0:64496:" + 40 * "0"))
schemathesis.openapi.format("version", st.integers(1, 2**32 - 1).map(lambda serial: f"1-{serial}"))
schemathesis.openapi.format(
    "reason-code",
    st.sampled_from(["manifest.stale", "manifest.missing", "cert.expired", "roa.max-length"]),
)


@schemathesis.hook
def filter_case(context, case):
    """Drops what OpenAPI cannot say: `session` and `serial` come together, `include` needs a
    `prefix`; and a long poll, since schemathesis gives back the session that it was given."""
    query = case.query or {}
    if case.path == "/json-delta/notify" and str(query.get("session")).isdigit():
        return False
    if ("session" in query) != ("serial" in query):
        return False
    return case.path != "/v1/vrps" or "include" not in query or "prefix" in query
